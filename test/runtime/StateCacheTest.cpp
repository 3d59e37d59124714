//===- StateCacheTest.cpp - Groups that keep one page for a sequence ------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/KVCache.h"
#include "runtime/Step.h"

#include "test/runtime/TinyModel.h"

#include "gtest/gtest.h"

using namespace mica;

namespace {

/// A cache beside a state, as of a model with layers of either kind.
std::vector<CacheGroup> groups() {
  return {{"full", 2, 1, 4, 64, 0, "bf16", 8, 8},
          {"state", 3, 2, 0, 64, 0, "f32", 4, 4}};
}
constexpr uint32_t kState = 1;

struct StateCache : ::testing::Test {
  KVCache cache = create(2);

  static KVCache create(uint32_t sequences) {
    auto cache = KVCache::create(groups(), {.tokens = 400,
                                            .sequences = sequences,
                                            .maxRows = 10,
                                            .guarded = true});
    EXPECT_TRUE(cache) << cache.error().message;
    return std::move(*cache);
  }

  Status append(uint32_t sequence, uint32_t tokens) {
    KVCache::Growth growth{sequence, tokens};
    return cache.append({&growth, 1});
  }

  /// The last byte of what is kept of `sequence`.
  uint8_t &state(uint32_t sequence) {
    int32_t page = cache.pages(kState, sequence)[0];
    return cache.pool(kState)[(page + 1) * groups()[kState].pageBytes() - 1];
  }
};

TEST_F(StateCache, OnePageWhateverTheLength) {
  uint32_t id = cache.createSequence();
  EXPECT_TRUE(cache.pages(kState, id).empty());
  for (uint32_t tokens : {1, 10, 7, 10}) {
    ASSERT_TRUE(append(id, tokens));
    EXPECT_EQ(cache.pages(kState, id).size(), 1u);
  }
  EXPECT_EQ(cache.length(id), 28u);
  EXPECT_EQ(cache.freePages(kState), 1u);
  cache.release(id);
  EXPECT_EQ(cache.freePages(kState), 2u);
}

TEST_F(StateCache, ForkCopiesWhenItGrows) {
  uint32_t a = cache.createSequence();
  ASSERT_TRUE(append(a, 5));
  state(a) = 42;
  uint32_t b = cache.fork(a);
  EXPECT_EQ(&state(a), &state(b));
  ASSERT_TRUE(append(b, 1));
  EXPECT_NE(&state(a), &state(b));
  EXPECT_EQ(state(b), 42);
  state(b) = 43;
  EXPECT_EQ(state(a), 42);
}

TEST_F(StateCache, CannotForgetSomeTokens) {
  uint32_t id = cache.createSequence();
  ASSERT_TRUE(append(id, 9));
  EXPECT_TRUE(cache.truncate(id, 9));
  EXPECT_FALSE(cache.truncate(id, 8));
  EXPECT_EQ(cache.length(id), 9u);
  EXPECT_EQ(cache.pages(kState, id).size(), 1u);
  // All of them it can: then the page is free.
  EXPECT_TRUE(cache.truncate(id, 0));
  EXPECT_EQ(cache.length(id), 0u);
  EXPECT_EQ(cache.freePages(kState), 2u);
  EXPECT_TRUE(append(id, 3));
}

TEST_F(StateCache, OneForEachSequence) {
  uint32_t ids[] = {cache.createSequence(), cache.createSequence(),
                    cache.createSequence()};
  ASSERT_TRUE(append(ids[0], 1));
  ASSERT_TRUE(append(ids[1], 1));
  uint32_t pages = cache.freePages(0);
  Status status = append(ids[2], 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(
      status.error().message,
      "cache: group 'state' has no free state, expected one for each of 3 "
      "sequences");
  // Nothing has changed, in the other group either.
  EXPECT_EQ(cache.freePages(0), pages);
  EXPECT_EQ(cache.length(ids[2]), 0u);
}

TEST(StateStep, SlotsArePages) {
  auto manifests = parseManifests(tiny::manifest(), "tiny");
  ASSERT_TRUE(manifests);
  Manifest manifest = manifests->front();
  manifest.cache = groups();
  KVCache cache = StateCache::create(3);
  auto builder = StepBuilder::create(manifest, 2, /*guarded=*/true);
  ASSERT_TRUE(builder);
  uint32_t a = cache.createSequence(), b = cache.createSequence();
  std::vector<int32_t> two = {5, 6}, one = {7};
  StepRequest requests[] = {{a, two, 1}, {b, one, 1}};
  auto step = builder->build(requests, cache);
  ASSERT_TRUE(step) << step.error().message;
  const mica_kv_group &kv = (*step)->kv[kState];
  EXPECT_EQ(std::vector<int32_t>(kv.slot, kv.slot + 3),
            std::vector<int32_t>({0, 0, 1}));
  EXPECT_EQ(std::vector<int32_t>(kv.page_start, kv.page_start + 3),
            std::vector<int32_t>({0, 1, 2}));
  EXPECT_EQ(std::vector<int32_t>(kv.length, kv.length + 2),
            std::vector<int32_t>({2, 1}));
}

} // namespace
