//===- TokenizerGGUF.h - The tokenizer of a GGUF file -----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERGGUF_H
#define LIB_IMPORT_TOKENIZERGGUF_H

#include "lib/Import/GGUF.h"
#include "lib/Import/TokenizerSource.h"

namespace mica {

/// Reads `tokenizer.ggml.*` (the file needs no tensors). Kinds: `llama`
/// (SentencePiece-style; Gemma's rules for its architectures), `gpt2`
/// (byte-level, with the splits that `tokenizer.ggml.pre` names), `t5`
/// (SentencePiece's unigram model) and `bert` (WordPiece in lower case). For
/// the first two a GGUF file names no normalizer, so a text is not normalized.
Expected<TokenizerSource> tokenizerFromGGUF(const GGUF &gguf);

/// The merges that a SentencePiece vocabulary implies: every split of a piece
/// into two pieces, by `score` (one for each piece, none NaN), the highest in
/// front; then the longest left part in front; then by id.
std::vector<TokenizerSource::Merge>
mergesFromScores(const std::vector<TokenizerSource::Piece> &pieces,
                 const std::vector<float> &scores);

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERGGUF_H
