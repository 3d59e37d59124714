//===- Text.h - Strings as Python sees them ---------------------*- C++ -*-===//
//
// Strings are UTF-8; Python counts characters. A byte that continues nothing
// counts as a character of its own.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_TEXT_H
#define RUNTIME_CHAT_TEXT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mica::chat {

/// The bytes of each character.
std::vector<std::string_view> characters(std::string_view text);
size_t countCharacters(std::string_view text);

/// The first character's code point, of bytes that are one character; the byte
/// where they are not UTF-8.
uint32_t codePoint(std::string_view character);
/// Appends a code point; one that is none becomes U+FFFD.
void appendCodePoint(std::string &text, uint32_t point);

/// As `str.isspace` has it.
bool isSpace(std::string_view character);

/// `text` without the white space (or any of `set`) at its ends.
std::string_view strip(std::string_view text, bool left, bool right);
std::string_view strip(std::string_view text, std::string_view set, bool left,
                       bool right);

std::string toUpper(std::string_view text);
std::string toLower(std::string_view text);
std::string capitalize(std::string_view text);
/// With the characters that HTML reserves as entities.
std::string escapeHTML(std::string_view text);

/// The lines of `str.splitlines`.
std::vector<std::string_view> splitLines(std::string_view text, bool keepEnds);

/// Replaces the first `most` of `from` (negative: all) by `to`. What would be
/// larger than `limit` bytes stays as it is, and `fits` becomes false.
std::string replaceAll(std::string_view text, std::string_view from,
                       std::string_view to, int64_t most, uint64_t limit,
                       bool &fits);

/// As Python's `repr` writes a float.
std::string formatFloat(double value);

} // namespace mica::chat

#endif // RUNTIME_CHAT_TEXT_H
