//===- Tokenizers.cpp - The tokenizer section of an artifact --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Compiler/Tokenizers.h"
#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerJson.h"

#include <filesystem>

using namespace mica;

/// Whether a file has a tokenizer; "no_vocab" is what tools write without one.
static bool hasTokenizer(const GGUF &gguf) {
  if (!gguf.contains("tokenizer.ggml.model"))
    return false;
  auto model = gguf.getString("tokenizer.ggml.model");
  return !model || *model != "no_vocab";
}

Expected<std::string> mica::tokenizerTables(const Checkpoint &checkpoint) {
  const GGUF *gguf = checkpoint.gguf();
  std::error_code ignored;
  if (gguf ? !hasTokenizer(*gguf)
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
