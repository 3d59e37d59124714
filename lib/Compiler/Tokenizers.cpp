//===- Tokenizers.cpp - The tokenizer section of an artifact --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Compiler/Tokenizers.h"
#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerJson.h"

#include <filesystem>

using namespace mica;

Expected<std::string> mica::tokenizerTables(const Checkpoint &checkpoint) {
  const GGUF *gguf = checkpoint.gguf();
  std::error_code ignored;
  if (gguf ? !gguf->contains("tokenizer.ggml.model")
           : !std::filesystem::exists(std::filesystem::path(checkpoint.path()) /
                                          "tokenizer.json",
                                      ignored))
    return std::string();
  Expected<TokenizerSource> source =
      gguf ? tokenizerFromGGUF(*gguf) : readTokenizerJson(checkpoint.path());
  if (!source)
    return source.takeError();
  return buildTokenizerTables(*source);
}
