//===- KVCache.h - Pages of keys and values ---------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_KVCACHE_H
#define RUNTIME_KVCACHE_H

#include "runtime/Manifest.h"
#include "runtime/Memory.h"
#include "runtime/Random.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mica {

/// The caches of all sequences. Each group of layers has a pool of pages; a
/// sequence holds a list of pages per group, which it may share with others. A
/// shared page is copied before one of them writes to it. Of a group of states
/// a sequence holds one page, from its first token on; what was in it before
/// code takes for zero.
class KVCache {
public:
  struct Options {
    uint64_t tokens;    // That fit, over all sequences, in each group.
    uint32_t sequences; // At a time, each with a page that is partly full.
    uint32_t maxRows;   // Rows that one step appends to a sequence.
    bool guarded;       // Inaccessible pages around each pool.
    std::optional<uint64_t> seed = {}; // Hand out pages in a random order.
  };
  static Expected<KVCache> create(std::span<const CacheGroup> groups,
                                  const Options &options);

  /// A new sequence without tokens.
  uint32_t createSequence();

  /// A sequence with the same tokens, which shares all pages with `sequence`.
  uint32_t fork(uint32_t sequence);

  /// Gives the sequence's pages back.
  void release(uint32_t sequence);

  /// Drops the tokens from `length` on, which is at most the sequence's. False,
  /// and nothing has changed, where a window's ring no longer has the tokens
  /// that the next one would see, or where a state cannot forget them: it can
  /// forget all tokens only.
  bool truncate(uint32_t sequence, uint32_t length);

  /// Tokens that are about to be appended to a sequence.
  struct Growth {
    uint32_t sequence;
    uint32_t tokens;
  };

  /// Makes room for tokens, so that their slots are the sequences' own. Each
  /// sequence may be named once. When a pool has too few free pages, nothing
  /// has changed.
  Status append(std::span<const Growth> growths);

  /// Tokens in the cache of a sequence.
  uint32_t length(uint32_t sequence) const {
    return sequences[sequence].length;
  }

  uint32_t groups() const { return pools.size(); }
  uint8_t *pool(uint32_t group) const { return pools[group].data; }
  uint32_t pageTokens(uint32_t group) const {
    return pools[group].group.pageTokens;
  }
  uint32_t freePages(uint32_t group) const { return pools[group].free.size(); }
  uint32_t totalPages(uint32_t group) const {
    return pools[group].references.size();
  }

  /// The pages of a sequence: token n lies in page[n / P % pages], a state in
  /// the only one.
  std::span<const int32_t> pages(uint32_t group, uint32_t sequence) const {
    return sequences[sequence].pages[group];
  }

private:
  struct Pool {
    CacheGroup group;
    uint32_t ringPages; // The most pages of one sequence.
    Memory memory;
    uint8_t *data;
    std::vector<uint32_t> references; // [pages]
    std::vector<int32_t> free;        // Taken from the end.
  };
  struct Sequence {
    uint32_t length = 0;
    uint32_t reach = 0; // The greatest length that it ever had.
    bool used = false;
    std::vector<std::vector<int32_t>> pages; // [group]
  };
  /// What `append` did, in order to undo it.
  struct Change {
    uint32_t group, sequence, index;
    int32_t before, after; // A page; `before` is -1 where there was none.
  };

  KVCache() : random(0) {}
  Status addPool(const CacheGroup &group, const Options &options);
  int32_t take(Pool &pool);
  void drop(Pool &pool, int32_t page);
  bool growGroup(uint32_t group, const Growth &growth);
  void undo();
  void copyShared();
  uint32_t newSlot();

  std::vector<Pool> pools;
  std::vector<Sequence> sequences;
  std::vector<uint32_t> unused; // Indices of `sequences`.
  std::vector<Change> changes;
  bool shuffled = false;
  Random random;
};

} // namespace mica

#endif // RUNTIME_KVCACHE_H
