//===- Merger.cpp - Byte-pair merges of one word --------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Merger.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <tuple>

using namespace mica::tokenizer;

bool Merger::Candidate::operator<(const Candidate &other) const {
  return std::tie(rank, left) > std::tie(other.rank, other.left);
}

void Merger::encode(std::string_view word, std::vector<int32_t> &ids) {
  if (tables.has(IgnoreMerges))
    if (uint32_t id = tables.find(word); id != kEmpty) {
      ids.push_back(static_cast<int32_t>(id));
      return;
    }
  symbols.clear();
  addSymbols(word);
  mergeAll();
  for (const Symbol &symbol : symbols)
    if (symbol.id != kEmpty)
      ids.push_back(static_cast<int32_t>(symbol.id));
}

/// Symbols of `word`. An unknown one becomes its bytes' tokens, if the model
/// has them; else the unknown token, if there is one; else nothing.
void Merger::addSymbols(std::string_view word) {
  bool bytes = tables.has(ByteLevel);
  bool unknown = false; // an unknown token waits for more to fuse with
  for (size_t at = 0; at < word.size();) {
    uint32_t size = bytes ? 1 : charSize(word[at]);
    std::string_view unit = word.substr(at, size);
    at += size;
    uint32_t id = bytes ? tables.byteId[static_cast<unsigned char>(unit[0])]
                        : tables.find(unit);
    if (id == kEmpty && tables.has(ByteFallback) && addBytes(unit))
      continue;
    if (unknown && (id != kEmpty || !tables.has(FuseUnknown)))
      addSymbol(tables.header.unknown);
    unknown = id == kEmpty && tables.header.unknown != kEmpty;
    if (id != kEmpty)
      addSymbol(id);
  }
  if (unknown)
    addSymbol(tables.header.unknown);
}

void Merger::addSymbol(uint32_t id) {
  auto index = static_cast<uint32_t>(symbols.size());
  if (index)
    symbols[index - 1].next = index;
  symbols.push_back({id, index ? index - 1 : kEmpty, kEmpty});
}

bool Merger::addBytes(std::string_view character) {
  for (char c : character)
    if (tables.byteId[static_cast<unsigned char>(c)] == kEmpty)
      return false;
  for (char c : character)
    addSymbol(tables.byteId[static_cast<unsigned char>(c)]);
  return true;
}

void Merger::addCandidate(uint32_t left) {
  uint32_t right = symbols[left].next;
  Merge merge = tables.merge(symbols[left].id, symbols[right].id);
  if (merge.left != kEmpty)
    heap.push_back({merge.rank, left, merge.merged});
}

void Merger::mergeAll() {
  heap.clear();
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i)
    addCandidate(i);
  std::make_heap(heap.begin(), heap.end());
  auto push = [&](uint32_t left) {
    size_t size = heap.size();
    addCandidate(left);
    if (heap.size() > size)
      std::push_heap(heap.begin(), heap.end());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    Candidate best = heap.back();
    heap.pop_back();
    Symbol &left = symbols[best.left];
    if (left.id == kEmpty || left.next == kEmpty)
      continue;
    // The pair may have changed since; it still counts if it gives the same.
    Symbol &right = symbols[left.next];
    Merge merge = tables.merge(left.id, right.id);
    if (merge.left == kEmpty || merge.merged != best.merged)
      continue;
    left.id = best.merged;
    right.id = kEmpty;
    left.next = right.next;
    if (left.next != kEmpty) {
      symbols[left.next].previous = best.left;
      push(best.left);
    }
    if (left.previous != kEmpty)
      push(left.previous);
  }
}
