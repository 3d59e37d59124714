//===- Breakers.h - Where a string can begin and end in tokens --*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_BREAKERS_H
#define RUNTIME_TOKENIZER_BREAKERS_H

#include "runtime/Tokenizer/Tokenizer.h"

namespace mica {

/// The sequences of tokens whose text has `text` in it, each beginning with the
/// token that it begins in: every token that contains it, alone; and every
/// token that ends in a beginning of it, with the tokens of the rest. Of an
/// empty text there are none. For `DryOptions::breakers`.
std::vector<std::vector<int32_t>> breakerSequences(const Tokenizer &tokenizer,
                                                   std::string_view text);

} // namespace mica

#endif // RUNTIME_TOKENIZER_BREAKERS_H
