//===- Cleaning.h - What normalizers of WordPiece do to a text --*- C++ -*-===//
//
// All of these take valid UTF-8, and decide about each character as the
// `tokenizers` library does, which knows an older Unicode in places.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_CLEANING_H
#define RUNTIME_TOKENIZER_CLEANING_H

#include <string>
#include <string_view>

namespace mica::tokenizer {

/// Without control characters and U+FFFD, and with a space for white space.
std::string cleanText(std::string_view text);

/// With a space on both sides of each Chinese character.
std::string spaceChinese(std::string_view text);

/// Without nonspacing marks, or without `all` marks.
std::string stripMarks(std::string_view text, bool all);

/// With each character in lower case.
std::string lowercase(std::string_view text);

/// Without the white space at one end or both.
std::string_view stripSpace(std::string_view text, bool left, bool right);

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_CLEANING_H
