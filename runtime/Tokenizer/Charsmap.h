//===- Charsmap.h - SentencePiece's map of characters -----------*- C++ -*-===//
//
// The normalization that a SentencePiece model carries: a double array of
// 32-bit units (Darts-clone's format) from text to offsets of what replaces it.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_CHARSMAP_H
#define RUNTIME_TOKENIZER_CHARSMAP_H

#include "mica/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mica::tokenizer {

/// A view of a `precompiled_charsmap`: the size of the double array in bytes,
/// the array, and replacements in UTF-8 that end in a zero byte each.
class Charsmap {
public:
  Charsmap() = default;

  /// Checks the sizes, and that replacements are UTF-8 of at most `kMaxGrowth`
  /// bytes. `bytes` outlives the result; empty bytes map nothing.
  static Expected<Charsmap> create(std::string_view bytes);

  /// What replaces the shortest prefix of `text` that the map knows.
  std::optional<std::string_view> shortest(std::string_view text) const;

  /// `text` with the longest prefix that the map knows replaced at each place,
  /// as SentencePiece does it.
  std::string replaceLongest(std::string_view text) const;

  /// `text` as the `tokenizers` library has it: grapheme clusters of up to five
  /// bytes, else characters, are replaced by what `shortest` finds.
  std::string replaceGraphemes(std::string_view text) const;

  /// The bytes of the longest replacement.
  uint32_t longestReplacement() const { return longest; }

private:
  struct Match {
    size_t size; // of the prefix; 0: none
    std::string_view replacement;
  };
  uint32_t unit(uint32_t index) const;
  Match find(std::string_view text, bool first) const;
  void appendCluster(std::string_view cluster, std::string &out) const;

  std::string_view units, texts;
  uint32_t longest = 0;
};

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_CHARSMAP_H
