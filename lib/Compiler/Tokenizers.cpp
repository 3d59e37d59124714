//===- Tokenizers.cpp - The tokenizer section of an artifact --------------===//

#include "lib/Compiler/Tokenizers.h"

using namespace mica;

Expected<std::string> mica::tokenizerTables(const Checkpoint &checkpoint) {
  return std::string();
}
