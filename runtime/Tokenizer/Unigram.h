//===- Unigram.h - The most likely pieces of a word -------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_UNIGRAM_H
#define RUNTIME_TOKENIZER_UNIGRAM_H

#include "runtime/Tokenizer/Tables.h"

#include <array>
#include <string_view>
#include <vector>

namespace mica::tokenizer {

/// The pieces that a text starts with, by binary search in `Tables::sorted`.
class Prefixes {
public:
  explicit Prefixes(const Tables &tables);

  /// Calls `visit(id, size)` for each piece that `text` starts with, the
  /// shortest first.
  template <class Visitor>
  void forEach(const Tables &tables, std::string_view text,
               Visitor visit) const;

private:
  std::array<uint32_t, 257> first; // of the pieces that start with a byte
};

/// Turns words into the ids of the pieces whose scores have the largest sum
/// (Viterbi's algorithm); among equals the one found first wins, as in the
/// `tokenizers` library. Characters without a piece score 10 less than the
/// worst piece; neighbouring ones are one unknown token, or their bytes.
/// Holds scratch memory, so one per thread.
class Unigram {
public:
  Unigram(const Tables &tables, const Prefixes &prefixes)
      : tables(tables), prefixes(prefixes) {}

  /// Appends the ids of `word`, which is valid UTF-8.
  void encode(std::string_view word, std::vector<int32_t> &ids);

private:
  struct Node { // the best path that ends at a byte of the word
    double score;
    uint32_t id, start; // of its last piece; start is kEmpty: no path
  };

  void findPaths(std::string_view word);
  void reach(size_t end, double score, uint32_t id, size_t start);
  void appendUnknown(std::string_view text, std::vector<int32_t> &ids) const;

  const Tables &tables;
  const Prefixes &prefixes;
  std::vector<Node> nodes;
  std::vector<size_t> ends;
};

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_UNIGRAM_H
