//===- Merger.h - Byte-pair merges of one word ------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_MERGER_H
#define RUNTIME_TOKENIZER_MERGER_H

#include "runtime/Tokenizer/Tables.h"

#include <string_view>
#include <vector>

namespace mica::tokenizer {

/// Turns words into ids: their symbols (bytes or characters), then merges of
/// neighbours, lowest rank first and leftmost first among equals. A word of n
/// symbols takes O(n log n) steps. Holds scratch memory, so one per thread.
class Merger {
public:
  /// `tables` outlives this.
  explicit Merger(const Tables &tables) : tables(tables) {}

  /// Appends the ids of `word`, which is valid UTF-8 unless ByteLevel.
  void encode(std::string_view word, std::vector<int32_t> &ids);

private:
  struct Symbol {
    uint32_t id;             // kEmpty: merged into the one before
    uint32_t previous, next; // kEmpty: none
  };
  struct Candidate {
    uint32_t rank, left, merged;
    bool operator<(const Candidate &other) const; // later than `other`
  };

  void addSymbols(std::string_view word);
  void addSymbol(uint32_t id);
  bool addBytes(std::string_view character);
  void addCandidate(uint32_t left);
  void mergeAll();

  const Tables &tables;
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_MERGER_H
