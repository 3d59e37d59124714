//===- Tokenizers.h - The tokenizer section of an artifact ------*- C++ -*-===//

#ifndef LIB_COMPILER_TOKENIZERS_H
#define LIB_COMPILER_TOKENIZERS_H

#include "lib/Import/Checkpoint.h"

#include <string>

namespace mica {

/// The tokenizer tables of `checkpoint`: of the GGUF file itself, or of
/// tokenizer.json in its directory. Empty if it has none.
Expected<std::string> tokenizerTables(const Checkpoint &checkpoint);

} // namespace mica

#endif // LIB_COMPILER_TOKENIZERS_H
