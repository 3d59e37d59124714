//===- StepTest.cpp - What a step says, field by field --------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Step.h"

#include "test/runtime/TinyModel.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace mica;

namespace {

using Ints = std::vector<int32_t>;

/// The value, moved out.
template <class T> T get(Expected<T> value) {
  EXPECT_TRUE(value) << value.error().message;
  return std::move(*value);
}

struct Fixture {
  explicit Fixture(bool guarded)
      : manifest(get(parseManifests(tiny::manifest(), "tiny")).front()),
        cache(get(KVCache::create(manifest.cache, {.tokens = 200,
                                                   .sequences = 3,
                                                   .maxRows = manifest.maxRows,
                                                   .guarded = guarded}))),
        builder(get(StepBuilder::create(manifest, 2, guarded))) {}

  const mica_step &build(std::span<const StepRequest> requests) {
    auto step = builder.build(requests, cache);
    EXPECT_TRUE(step) << step.error().message;
    return **step;
  }

  Manifest manifest;
  KVCache cache;
  StepBuilder builder;
};

Ints take(const int32_t *values, size_t count) {
  return Ints(values, values + count);
}

class StepTest : public ::testing::TestWithParam<bool> {};

TEST_P(StepTest, Fields) {
  Fixture f(GetParam());
  uint32_t a = f.cache.createSequence(), b = f.cache.createSequence();
  Ints prompt = {5, 6, 7, 8, 9, 10}, one = {11}, two = {12, 13};
  StepRequest first{a, prompt, 0};
  f.build({&first, 1});

  // One row decodes; two are a prompt whose last row is wanted.
  StepRequest requests[] = {{a, one, 1}, {b, two, 1}};
  const mica_step &step = f.build(requests);
  EXPECT_EQ(step.size, sizeof(mica_step));
  EXPECT_EQ(step.rows, 3u);
  EXPECT_EQ(step.seqs, 2u);
  EXPECT_EQ(step.outs, 2u);
  EXPECT_EQ(take(step.token, 3), (Ints{11, 12, 13}));
  EXPECT_EQ(take(step.position, 3), (Ints{6, 0, 1}));
  EXPECT_EQ(take(step.row_start, 3), (Ints{0, 1, 3}));
  EXPECT_EQ(take(step.out_row, 2), (Ints{0, 2}));
  EXPECT_EQ(step.tree_mask, nullptr);

  const mica_kv_group &full = step.kv[0];
  EXPECT_EQ(take(full.length, 2), (Ints{7, 2}));
  EXPECT_EQ(take(full.page_start, 3), (Ints{0, 2, 3}));
  // Pages go out in order: two to `a`, then one to `b`.
  EXPECT_EQ(take(full.page, 3), (Ints{0, 1, 2}));
  EXPECT_EQ(take(full.slot, 3), (Ints{4 + 2, 8 + 0, 8 + 1}));
  EXPECT_EQ(full.pool, f.cache.pool(0));
}

TEST_P(StepTest, Alignment) {
  Fixture f(GetParam());
  uint32_t a = f.cache.createSequence();
  for (size_t rows = 1; rows <= tiny::kMaxRows; ++rows) {
    Ints tokens(rows, 1);
    StepRequest request{a, tokens, uint32_t(rows)};
    const mica_step &step = f.build({&request, 1});
    for (uint8_t *arena : step.arena)
      EXPECT_EQ(reinterpret_cast<uintptr_t>(arena) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(step.logits) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(step.kv[1].pool) % 64, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Guard, StepTest, ::testing::Bool());

TEST(GuardedStepTest, BeginsWithNaNs) {
  Fixture f(true);
  uint32_t a = f.cache.createSequence();
  Ints tokens(3, 1);
  StepRequest request{a, tokens, 2};
  for (int repeat = 0; repeat < 2; ++repeat) {
    const mica_step &step = f.build({&request, 1});
    const uint64_t *sizes = f.manifest.arenaBytes;
    std::span rows(step.arena[0], 3 * sizes[0]);
    std::span outs(step.arena[1], 2 * sizes[1]);
    std::span workers(step.arena[2], 2 * sizes[2]);
    for (std::span<uint8_t> bytes : {rows, outs, workers}) {
      EXPECT_EQ(std::ranges::count(bytes, 0xFF), std::ssize(bytes));
      std::ranges::fill(bytes, 0);
    }
    EXPECT_TRUE(std::isnan(step.logits[0]));
    EXPECT_TRUE(std::isnan(step.logits[2 * tiny::kPaddedVocab - 1]));
  }
}

TEST(StepDeathTest, GuardsEndWithTheStep) {
  Fixture f(true);
  uint32_t a = f.cache.createSequence();
  Ints tokens(3, 1);
  StepRequest request{a, tokens, 2};
  const mica_step &step = f.build({&request, 1});
  auto read = [](const void *address) {
    return *static_cast<const volatile uint8_t *>(address);
  };
  EXPECT_DEATH(read(step.token + 3), "");
  EXPECT_DEATH(read(step.out_row + 2), "");
  EXPECT_DEATH(read(step.kv[0].slot + 3), "");
  EXPECT_DEATH(read(step.logits + 2 * tiny::kPaddedVocab), "");
  // Twelve bytes of rows fill one line, two workers' 128 bytes two.
  EXPECT_EQ(read(step.arena[0] + 63), 0);
  EXPECT_DEATH(read(step.arena[0] + 64), "");
  EXPECT_EQ(read(step.arena[2] + 127), 0xFF);
  EXPECT_DEATH(read(step.arena[2] + 128), "");
  EXPECT_DEATH(read(step.arena[2] + 128 - 2 * 4096), "");
}

TEST(WholeStepTest, RefusesToContinue) {
  Manifest manifest = get(parseManifests(tiny::manifest(), "tiny")).front();
  manifest.causal = false;
  KVCache cache =
      get(KVCache::create(manifest.cache, {.tokens = 200,
                                           .sequences = 1,
                                           .maxRows = manifest.maxRows,
                                           .guarded = false}));
  StepBuilder builder = get(StepBuilder::create(manifest, 1, false));
  uint32_t a = cache.createSequence();
  Ints tokens = {5, 6};
  StepRequest request{a, tokens, 1};
  EXPECT_TRUE(builder.build({&request, 1}, cache));
  auto again = builder.build({&request, 1}, cache);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message,
            "step: request 0 continues a sequence of 2 tokens, expected a new "
            "one: this model reads sequences whole");
}

} // namespace
