//===- Unicode.h - UTF-8 and normal forms -----------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_UNICODE_H
#define RUNTIME_TOKENIZER_UNICODE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mica::tokenizer {

inline constexpr std::string_view kReplacement = "\xef\xbf\xbd"; // U+FFFD
inline constexpr std::string_view kMetaspace = "\xe2\x96\x81";   // U+2581
/// U+FDD0, which Unicode keeps for programs' own use: no text has it.
inline constexpr std::string_view kGuard = "\xef\xb7\x90";

/// What stands at the start of `text`, which is not empty: a character, the
/// longest part of one that a longer text could complete (`truncated`), or
/// bytes that cannot be one (neither). `size` is its number of bytes, 1 to 4.
struct Utf8Unit {
  uint32_t size;
  bool valid, truncated;
};
Utf8Unit nextUnit(std::string_view text);

/// The number of bytes of the first character of valid UTF-8.
inline uint32_t charSize(char first) {
  auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/// The first character of valid UTF-8 that is not empty, and its last one.
int32_t codePoint(std::string_view text);
std::string_view lastChar(std::string_view text);

/// The White_Space property of Unicode.
bool isSpace(int32_t code);

/// `text` with U+FFFD for each maximal part that is not UTF-8 (the rule of the
/// Unicode standard, and of Python's errors='replace'); none if it is valid.
std::optional<std::string> replaceInvalid(std::string_view text);

/// The normal forms of Unicode.
enum class NormalForm { C, D, KC, KD };

/// The normal form of valid UTF-8, as the `tokenizers` library has it: it knows
/// the combining classes of Unicode 9 only, so newer marks keep their place.
std::string normalForm(std::string_view text, NormalForm form);

/// `text` with `to` for every `from`, which is not empty.
std::string replaceAll(std::string_view text, std::string_view from,
                       std::string_view to);

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_UNICODE_H
