//===- TokenizerSource.h - A tokenizer as a checkpoint has it ---*- C++ -*-===//
//
// What the readers of tokenizer files produce (`TokenizerGGUF.h`,
// `TokenizerJson.h`) and from which the tables of a .mica file are built.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERSOURCE_H
#define LIB_IMPORT_TOKENIZERSOURCE_H

#include "mica/Status.h"
#include "runtime/Tokenizer/Tables.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

struct TokenizerSource {
  /// An id. `text` is what it stands for: the bytes themselves in a byte-level
  /// model, else UTF-8 with U+2581 for spaces.
  struct Piece {
    std::string text;
    tokenizer::PieceKind kind = tokenizer::PieceKind::Unused;
    bool lookup = false; ///< symbols and whole words are looked up among these
  };
  /// A pair of ids and what it becomes.
  struct Merge {
    uint32_t left, right, merged;
  };
  /// A token that is found in the text before anything else.
  struct Added {
    std::string text;
    uint32_t id;
    uint32_t flags;  ///< bits of `tokenizer::AddedFlag`
    bool normalized; ///< found in normalized text, in normalized form
  };
  struct Step {
    tokenizer::StepKind kind;
    uint32_t option = 0;
    std::string a, b;
  };

  std::string file;   ///< for messages
  uint32_t flags = 0; ///< bits of `tokenizer::Flag`
  std::vector<Piece>
      pieces; ///< by id; one with the text of an earlier one wins
  tokenizer::ModelKind model = tokenizer::ModelKind::BPE;
  std::vector<double> scores; ///< by id, in a unigram model
  std::string continuing;     ///< what pieces inside of a word begin with
  uint32_t maxChars = 0;      ///< of a word, in WordPiece
  std::string charsmap;       ///< SentencePiece's map of characters
  std::vector<Merge> merges;  ///< by rank, the one to apply first in front
  std::vector<Added> added;
  std::vector<Step> normalizer, preTokenizer;
  std::vector<uint32_t> byteIds; ///< [256], `tokenizer::kEmpty` for none
  std::optional<uint32_t> unknown, bos;
  std::vector<uint32_t> prefix, suffix, eos;
};

/// The blob of tables, which `Tokenizer::create` accepts. Equal sources give
/// equal blobs. Fails if the tables would exceed 4 GiB, or on a step or pattern
/// that the runtime would not accept.
Expected<std::string> buildTokenizerTables(const TokenizerSource &source);

/// The bytes that a piece of a byte-level vocabulary spells, each byte as one
/// printable character (GPT-2's alphabet); none if it has other characters.
std::optional<std::string> decodeByteLevel(std::string_view text);

/// A score as the `tokenizers` library holds it. It takes the digits for an
/// integer and divides that by a power of ten, each rounded to f64; from 2^53
/// on the result may be a neighbour of `score`, which the digits mean. Where
/// two ways to cut a word are as likely, that decides.
double roundScore(double score);

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERSOURCE_H
