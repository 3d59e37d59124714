//===- TokenizerPre.h - Pre-tokenizers that GGUF names ----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERPRE_H
#define LIB_IMPORT_TOKENIZERPRE_H

#include <span>
#include <string>
#include <string_view>

namespace mica {

/// What a value of `tokenizer.ggml.pre` stands for. A text is cut at the
/// matches of each pattern in turn, and matches and gaps are pieces.
struct PreTokenizer {
  std::span<const std::string_view> patterns; ///< as tokenizer.json spells them
  std::string_view names;                     ///< a space behind each
  bool ignoreMerges = false; ///< a word that is a piece is that piece
  bool addBos = false;       ///< unless `tokenizer.ggml.add_bos_token` says it
};

/// The pre-tokenizer of that name, or null. "" is the default one.
const PreTokenizer *findPreTokenizer(std::string_view name);

/// All names, for a message: "a, b, c".
std::string preTokenizerNames();

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERPRE_H
