//===- TokenizerJson.h - The tokenizer of a directory -----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERJSON_H
#define LIB_IMPORT_TOKENIZERJSON_H

#include "lib/Import/MappedFile.h"
#include "lib/Import/TokenizerSource.h"

#include <optional>

namespace mica {

/// The files of a directory that say something about its tokenizer.
struct TokenizerFiles {
  MappedFile tokenizer; ///< tokenizer.json
  /// tokenizer_config.json, generation_config.json and config.json, where they
  /// exist: for bos, eos and whether they are added.
  std::optional<MappedFile> tokenizerConfig, generationConfig, modelConfig;
};

/// Reads a BPE tokenizer as the `tokenizers` library saves it. What it asks for
/// and Mica does not do is an error, never left out.
Expected<TokenizerSource> parseTokenizerJson(const TokenizerFiles &files);

/// The same from a Hugging Face directory, or a path of a tokenizer.json.
Expected<TokenizerSource> readTokenizerJson(const std::string &path);

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERJSON_H
