//===- WordPiece.h - The longest pieces of a word ---------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_WORDPIECE_H
#define RUNTIME_TOKENIZER_WORDPIECE_H

#include "runtime/Tokenizer/Tables.h"

#include <string_view>
#include <vector>

namespace mica::tokenizer {

/// Appends the ids of `word`, which is valid UTF-8: from the left the longest
/// piece, where pieces inside of the word begin with `Header::continuing`. A
/// word that has no such pieces, or more than `Header::maxChars` characters, is
/// the unknown token.
void encodeWordPiece(const Tables &tables, std::string_view word,
                     std::vector<int32_t> &ids);

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_WORDPIECE_H
