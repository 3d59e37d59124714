//===- KVCacheTest.cpp - Pages against a naive model of them --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/KVCache.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <map>
#include <set>

using namespace mica;

namespace {

constexpr uint32_t kMaxRows = 10;

std::vector<CacheGroup> groups() {
  return {{"full", 2, 1, 4, 64, 0, "bf16", 8, 8},
          {"window", 1, 2, 8, 128, 6, "bf16", 8, 8},
          {"odd", 1, 1, 3, 24, 0, "bf16", 8, 8}};
}

KVCache create(uint64_t tokens, std::optional<uint64_t> seed = {}) {
  auto cache = KVCache::create(groups(), {.tokens = tokens,
                                          .sequences = 1,
                                          .maxRows = kMaxRows,
                                          .guarded = false,
                                          .seed = seed});
  EXPECT_TRUE(cache) << cache.error().message;
  return std::move(*cache);
}

/// Sequences as lists of marks. Each token's mark is written where its slot is,
/// and read back from everywhere.
class Naive {
public:
  Naive(uint64_t tokens, std::optional<uint64_t> seed)
      : cache(::create(tokens, seed)), random(seed.value_or(0)) {}

  void create() {
    uint32_t id = cache.createSequence();
    sequences[id] = {};
    reach[id] = 0;
  }

  void fork() {
    auto from = any();
    uint32_t id = cache.fork(from->first);
    ASSERT_FALSE(sequences.contains(id));
    sequences[id] = from->second;
    reach[id] = reach[from->first];
  }

  void release() {
    auto it = any();
    cache.release(it->first);
    sequences.erase(it);
  }

  /// What the window's ring has lost is refused, and then nothing changes.
  void truncate() {
    auto it = any();
    size_t size = it->second.size(), length = random.below(size + 1);
    bool kept = cache.truncate(it->first, length);
    // The ring has room for a window and the rows of a step.
    if (length + kMaxRows >= reach[it->first])
      EXPECT_TRUE(kept);
    if (kept)
      it->second.resize(length);
    else
      ++refused;
  }

  void append() {
    std::vector<KVCache::Growth> growths;
    for (auto &[id, marks] : sequences)
      if (uint32_t count = random.below(kMaxRows + 1); count > 2)
        growths.push_back({id, count - 2});
    bool fits = wouldFit(growths);
    auto before = pageLists();
    Status status = cache.append(growths);
    ASSERT_EQ(bool(status), fits);
    if (!fits) {
      EXPECT_EQ(pageLists(), before);
      return;
    }
    for (const auto &growth : growths)
      for (uint32_t i = 0; i < growth.tokens; ++i)
        write(growth.sequence);
  }

  /// Every visible token of every sequence has its mark; no page is lost.
  void check() {
    for (uint32_t g = 0; g < cache.groups(); ++g) {
      std::set<int32_t> held;
      for (auto &[id, marks] : sequences) {
        ASSERT_EQ(cache.length(id), marks.size());
        auto pages = cache.pages(g, id);
        held.insert(pages.begin(), pages.end());
        ASSERT_EQ(std::set(pages.begin(), pages.end()).size(), pages.size());
        uint32_t window = groups()[g].window;
        size_t first =
            window && marks.size() > window ? marks.size() - window : 0;
        for (size_t n = first; n < marks.size(); ++n)
          ASSERT_EQ(*place(g, id, n), marks[n]);
      }
      ASSERT_EQ(held.size() + cache.freePages(g), cache.totalPages(g));
    }
  }

  KVCache cache;
  Random random;
  std::map<uint32_t, std::vector<uint32_t>> sequences;
  int refused = 0;

private:
  std::map<uint32_t, size_t> reach; // The most tokens that it ever had.

  std::map<uint32_t, std::vector<uint32_t>>::iterator any() {
    return std::next(sequences.begin(), random.below(sequences.size()));
  }

  uint32_t *place(uint32_t g, uint32_t id, size_t n) {
    CacheGroup group = groups()[g];
    auto pages = cache.pages(g, id);
    uint64_t page = pages[n / group.pageTokens % pages.size()];
    return reinterpret_cast<uint32_t *>(
        cache.pool(g) + page * group.pageBytes() +
        n % group.pageTokens * (group.pageBytes() / group.pageTokens / 4 * 4));
  }

  void write(uint32_t id) {
    auto &marks = sequences[id];
    marks.push_back(random.next());
    reach[id] = std::max(reach[id], marks.size());
    for (uint32_t g = 0; g < cache.groups(); ++g)
      *place(g, id, marks.size() - 1) = marks.back();
  }

  /// Counts pages one by one on copies of the page lists.
  bool wouldFit(std::span<const KVCache::Growth> growths) {
    for (uint32_t g = 0; g < cache.groups(); ++g) {
      CacheGroup group = groups()[g];
      uint32_t ring = group.window
                          ? (group.window + kMaxRows + group.pageTokens - 1) /
                                    group.pageTokens +
                                1
                          : UINT32_MAX;
      std::map<int32_t, int> references;
      for (auto &[id, marks] : sequences)
        for (int32_t page : cache.pages(g, id))
          ++references[page];
      uint32_t needed = 0;
      for (const auto &growth : growths) {
        auto pages = cache.pages(g, growth.sequence);
        size_t begin = cache.length(growth.sequence);
        std::set<size_t> touched;
        for (size_t n = begin; n < begin + growth.tokens; ++n)
          touched.insert(n / group.pageTokens % ring);
        for (size_t index : touched)
          if (index >= pages.size())
            ++needed;
          else if (references[pages[index]] > 1)
            ++needed, --references[pages[index]];
      }
      if (needed > cache.freePages(g))
        return false;
    }
    return true;
  }

  std::vector<std::vector<int32_t>> pageLists() {
    std::vector<std::vector<int32_t>> lists;
    for (uint32_t g = 0; g < cache.groups(); ++g) {
      lists.push_back({int32_t(cache.freePages(g))});
      for (auto &[id, marks] : sequences) {
        auto pages = cache.pages(g, id);
        lists.emplace_back(pages.begin(), pages.end());
      }
    }
    return lists;
  }
};

TEST(KVCache, RandomOperations) {
  int refused = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Naive naive(seed % 2 ? 120 : 400,
                seed % 3 ? std::optional(seed) : std::nullopt);
    naive.create();
    for (int i = 0; i < 300; ++i) {
      uint64_t action = naive.random.below(12);
      if (action == 0 && naive.sequences.size() < 8)
        naive.create();
      else if (action == 1 && naive.sequences.size() < 8)
        naive.fork();
      else if (action == 2 && naive.sequences.size() > 1)
        naive.release();
      else if (action == 3)
        naive.truncate();
      else
        naive.append();
      naive.check();
      if (HasFatalFailure())
        return;
    }
    refused += naive.refused;
  }
  EXPECT_GT(refused, 0);
}

TEST(KVCache, PoolsAreZeroAndAligned) {
  KVCache cache = create(1000);
  for (uint32_t g = 0; g < cache.groups(); ++g) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(cache.pool(g)) % 64, 0u);
    uint64_t size = cache.totalPages(g) * groups()[g].pageBytes();
    for (uint64_t i = 0; i < size; ++i)
      ASSERT_EQ(cache.pool(g)[i], 0);
  }
}

TEST(KVCache, WindowIsARing) {
  KVCache cache = create(1000);
  uint32_t id = cache.createSequence();
  for (int i = 0; i < 50; ++i) {
    KVCache::Growth growth{id, kMaxRows};
    ASSERT_TRUE(cache.append({&growth, 1}));
  }
  // ceil((6 + 10) / 8) + 1 pages, however long the sequence is.
  EXPECT_EQ(cache.pages(1, id).size(), 3u);
  EXPECT_EQ(cache.pages(0, id).size(), 125u);
}

TEST(KVCache, ShufflingIsSeeded) {
  auto order = [](std::optional<uint64_t> seed) {
    KVCache cache = create(200, seed);
    uint32_t id = cache.createSequence();
    KVCache::Growth growth{id, 200};
    EXPECT_TRUE(cache.append({&growth, 1}));
    auto pages = cache.pages(0, id);
    return std::vector<int32_t>(pages.begin(), pages.end());
  };
  EXPECT_EQ(order(5), order(5));
  EXPECT_NE(order(5), order(6));
  auto plain = order({});
  EXPECT_TRUE(std::is_sorted(plain.begin(), plain.end()));
}

TEST(KVCache, TooLarge) {
  auto cache = KVCache::create(groups(), {.tokens = uint64_t(1) << 40,
                                          .sequences = 1,
                                          .maxRows = kMaxRows,
                                          .guarded = false});
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().message,
            "cache: group 'full' is to hold 1099511627776 tokens, expected at "
            "most 2147483644");
}

} // namespace
