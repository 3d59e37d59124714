//===- TokenizerGGUFReader.h - Reads a tokenizer from GGUF ------*- C++ -*-===//
//
// Private to TokenizerGGUF.cpp and TokenizerGGUFModels.cpp.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERGGUFREADER_H
#define LIB_IMPORT_TOKENIZERGGUFREADER_H

#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerPre.h"

namespace mica {

/// Reads the tokenizer of `gguf`; see TokenizerGGUF.h.
class TokenizerGGUFReader {
public:
  explicit TokenizerGGUFReader(const GGUF &gguf) : gguf(gguf) {
    source.file = gguf.path();
  }

  Expected<TokenizerSource> run();

private:
  /// The values of `tokenizer.ggml.token_type`.
  enum TokenType { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

  Status readArrays();
  Status readIds();
  Status readSentencePiece();
  Status readByteLevel();
  Status readMerges();
  Expected<std::vector<float>> readScores();
  Status readUnigram();
  Status readWordPiece();
  Status setSplit();
  void addTokens();
  void setByteIds();

  static std::string key(std::string_view name) {
    return "tokenizer.ggml." + std::string(name);
  }
  Error error(std::string_view name, const std::string &what) const {
    return Error{source.file + ": " + key(name) + " " + what};
  }
  /// A flag, or `missing` when the file has none.
  Expected<bool> flag(std::string_view name, bool missing) const {
    return gguf.contains(key(name)) ? gguf.getBool(key(name)) : missing;
  }
  Status readId(std::string_view name, std::optional<uint32_t> &id) const;
  TokenType typeOf(size_t id) const {
    return types.empty() ? Normal : static_cast<TokenType>(types[id]);
  }

  const GGUF &gguf;
  TokenizerSource source;
  std::string_view model, architecture, pre;
  const PreTokenizer *preTokenizer = nullptr;
  std::vector<std::string> tokens; // as the file spells them, or respelled
  std::vector<int64_t> types;      // empty, or one for each token
  std::optional<uint32_t> padding, separator, mask, end;
};

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERGGUFREADER_H
