//===- Normalizer.h - One step of a normalizer ------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_NORMALIZER_H
#define RUNTIME_TOKENIZER_NORMALIZER_H

#include "runtime/Tokenizer/Tables.h"

#include <string>
#include <string_view>

namespace mica::tokenizer {

/// Applies a step of `Header::normalizer`, with its texts, to valid UTF-8.
void normalizeStep(StepKind kind, std::string_view a, std::string_view b,
                   std::string &text);

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_NORMALIZER_H
