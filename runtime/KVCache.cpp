//===- KVCache.cpp - Pages of keys and values -----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/KVCache.h"

#include <algorithm>
#include <cassert>
#include <cstring>

using namespace mica;

static uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

Expected<KVCache> KVCache::create(std::span<const CacheGroup> groups,
                                  const Options &options) {
  KVCache cache;
  cache.shuffled = options.seed.has_value();
  cache.random = Random(options.seed.value_or(0));
  for (const CacheGroup &group : groups)
    if (Status status = cache.addPool(group, options); !status)
      return status.takeError();
  return cache;
}

Status KVCache::addPool(const CacheGroup &group, const Options &options) {
  uint64_t pageBytes = group.pageBytes();
  uint64_t sequences = std::max(options.sequences, 1u);
  uint64_t pages =
      group.isState()
          ? sequences
          : divideUp(options.tokens, group.pageTokens) + sequences - 1;
  // A slot, page * P + n % P, is an int32_t.
  uint64_t tokens = std::max(group.pageTokens, 1u);
  uint64_t most =
      std::min<uint64_t>(INT32_MAX / tokens, UINT64_MAX / 2 / pageBytes);
  if (pages > most)
    return Error{"cache: group '" + group.name + "' is to hold " +
                 (group.isState()
                      ? std::to_string(pages) + " states"
                      : std::to_string(options.tokens) + " tokens") +
                 ", expected at most " + std::to_string(most * tokens)};
  auto memory =
      Memory::create(pages * pageBytes, options.guarded, "a cache pool");
  if (!memory)
    return memory.takeError();

  Pool pool;
  pool.group = group;
  // A window's pages form a ring: what a step's first row sees must not be
  // overwritten by its last row.
  pool.ringPages = group.isState() ? 1
                   : group.window
                       ? divideUp(uint64_t(group.window) + options.maxRows,
                                  group.pageTokens) +
                             1
                       : UINT32_MAX;
  pool.data = memory->place(pages * pageBytes);
  pool.memory = std::move(*memory);
  pool.references.assign(pages, 0);
  for (uint64_t page = pages; page--;)
    pool.free.push_back(page);
  pools.push_back(std::move(pool));
  return {};
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

uint32_t KVCache::newSlot() {
  if (unused.empty()) {
    sequences.emplace_back();
    return sequences.size() - 1;
  }
  uint32_t index = unused.back();
  unused.pop_back();
  return index;
}

uint32_t KVCache::createSequence() {
  uint32_t index = newSlot();
  sequences[index].used = true;
  sequences[index].pages.resize(pools.size());
  return index;
}

uint32_t KVCache::fork(uint32_t sequence) {
  uint32_t copy = newSlot();
  assert(sequences[sequence].used && "no such sequence");
  sequences[copy] = sequences[sequence];
  for (uint32_t g = 0; g < pools.size(); ++g)
    for (int32_t page : sequences[copy].pages[g])
      ++pools[g].references[page];
  return copy;
}

void KVCache::release(uint32_t sequence) {
  Sequence &s = sequences[sequence];
  assert(s.used && "no such sequence");
  for (uint32_t g = 0; g < pools.size(); ++g)
    for (int32_t page : s.pages[g])
      drop(pools[g], page);
  s = Sequence();
  unused.push_back(sequence);
}

bool KVCache::truncate(uint32_t sequence, uint32_t length) {
  Sequence &s = sequences[sequence];
  assert(s.used && length <= s.length && "no such tokens");
  for (const Pool &pool : pools) {
    if (pool.group.isState()) {
      if (length && length < s.length)
        return false;
      continue;
    }
    // A ring has the last pages that were ever written.
    uint64_t tokens = pool.group.pageTokens;
    uint64_t seen = length > pool.group.window ? length - pool.group.window : 0;
    if (pool.group.window &&
        seen / tokens + pool.ringPages < divideUp(s.reach, tokens))
      return false;
  }
  for (uint32_t g = 0; g < pools.size(); ++g) {
    auto &pages = s.pages[g];
    // A state is there as long as there are tokens.
    bool isState = pools[g].group.isState();
    uint64_t tokens = isState ? s.length + 1 : pools[g].group.pageTokens;
    // The pages of a ring that went round stay in their places.
    if (!isState && divideUp(s.reach, tokens) > pools[g].ringPages)
      continue;
    for (; pages.size() > divideUp(length, tokens); pages.pop_back())
      drop(pools[g], pages.back());
  }
  s.length = length;
  return true;
}

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

/// A page that nobody holds, -1 if there is none.
int32_t KVCache::take(Pool &pool) {
  if (pool.free.empty())
    return -1;
  if (shuffled)
    std::swap(pool.free[random.below(pool.free.size())], pool.free.back());
  int32_t page = pool.free.back();
  pool.free.pop_back();
  pool.references[page] = 1;
  return page;
}

void KVCache::drop(Pool &pool, int32_t page) {
  assert(pool.references[page] && "page is free already");
  if (--pool.references[page] == 0)
    pool.free.push_back(page);
}

Status KVCache::append(std::span<const Growth> growths) {
  changes.clear();
  for (const Growth &growth : growths)
    for (uint32_t g = 0; g < pools.size(); ++g)
      if (!growGroup(g, growth)) {
        undo();
        const Pool &pool = pools[g];
        if (pool.group.isState())
          return Error{"cache: group '" + pool.group.name +
                       "' has no free state, expected one for each of " +
                       std::to_string(totalPages(g) + 1) + " sequences"};
        return Error{"cache: group '" + pool.group.name + "' has " +
                     std::to_string(pool.free.size()) + " free pages of " +
                     std::to_string(pool.group.pageTokens) +
                     " tokens, expected more for " +
                     std::to_string(growth.tokens) +
                     " tokens of a sequence of " +
                     std::to_string(length(growth.sequence))};
      }
  copyShared();
  for (const Growth &growth : growths)
    sequences[growth.sequence].length += growth.tokens;
  for (const Growth &growth : growths) {
    Sequence &s = sequences[growth.sequence];
    s.reach = std::max(s.reach, s.length);
  }
  return {};
}

/// Gives the sequence pages of its own for its next tokens; false if there are
/// too few.
bool KVCache::growGroup(uint32_t g, const Growth &growth) {
  Pool &pool = pools[g];
  auto &pages = sequences[growth.sequence].pages[g];
  uint64_t first = sequences[growth.sequence].length;
  uint64_t last = first + growth.tokens; // Exclusive.
  // Every step writes the only page of a state.
  bool isState = pool.group.isState();
  uint64_t tokens = isState ? last : pool.group.pageTokens;
  for (uint64_t p = isState ? 0 : first / tokens; p * tokens < last; ++p) {
    uint32_t index = p % pool.ringPages;
    int32_t before = index < pages.size() ? pages[index] : -1;
    if (before >= 0 && pool.references[before] == 1)
      continue;
    int32_t after = take(pool);
    if (after < 0)
      return false;
    if (before < 0)
      pages.push_back(after);
    else
      drop(pool, before), pages[index] = after;
    changes.push_back({g, growth.sequence, index, before, after});
  }
  return true;
}

void KVCache::undo() {
  for (; !changes.empty(); changes.pop_back()) {
    const Change &change = changes.back();
    Pool &pool = pools[change.group];
    auto &pages = sequences[change.sequence].pages[change.group];
    if (change.before < 0)
      pages.pop_back();
    else
      pages[change.index] = change.before, ++pool.references[change.before];
    drop(pool, change.after);
  }
}

/// Copies what was shared. A page that another sequence of this step now holds
/// alone is still unchanged: it is written to only in the step itself.
void KVCache::copyShared() {
  for (const Change &change : changes) {
    if (change.before < 0)
      continue;
    const Pool &pool = pools[change.group];
    uint64_t size = pool.group.pageBytes();
    std::memcpy(pool.data + change.after * size,
                pool.data + change.before * size, size);
  }
}
