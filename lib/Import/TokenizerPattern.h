//===- TokenizerPattern.h - Split patterns of tokenizers --------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERPATTERN_H
#define LIB_IMPORT_TOKENIZERPATTERN_H

#include "mica/Status.h"

#include <string>
#include <string_view>

namespace mica {

/// A character that the `tokenizers` library takes for punctuation, in PCRE2's
/// syntax: ASCII's and category P as Unicode 8 has it.
extern const std::string_view kPunctuationPattern;

/// GPT-2's split pattern, which `ByteLevel` of a tokenizer.json stands for.
extern const std::string_view kGPT2Pattern;

/// Translates a pattern from Oniguruma's syntax, which the `tokenizers` library
/// uses, to PCRE2's, so that both match the same text:
/// - `\s`, `\S`, `\w` and `\W` get Oniguruma's meaning;
/// - `\p{L}`, `\p{Lu}`, `\p{Ll}`, `\p{Lm}`, `\p{Lo}`, `\p{M}`, `\p{N}`, `\p{P}`
///   and `\p{S}` know the characters of Unicode 15 and 16, which PCRE2 10.42
///   does not.
/// Fails on classes within classes, which PCRE2 lacks.
Expected<std::string> translatePattern(std::string_view pattern);

/// The pattern that matches exactly `text`.
std::string literalPattern(std::string_view text);

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERPATTERN_H
