//===- ModelTest.cpp - Whole steps of a hand-written model ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "mica/Model.h"

#include "runtime/Random.h"
#include "test/runtime/TinyModel.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <filesystem>

using namespace mica;

namespace {

std::string tinyPath() {
  static const std::string path = [] {
    std::string path =
        ::testing::TempDir() + "tiny-" + std::to_string(::getpid()) + ".mica";
    Status status = tiny::write(path);
    EXPECT_TRUE(status) << status.error().message;
    return path;
  }();
  return path;
}

struct RemoveTiny : ::testing::Environment {
  void TearDown() override { std::filesystem::remove(tinyPath()); }
};
auto *const remover = ::testing::AddGlobalTestEnvironment(new RemoveTiny);

Model load(const LoadOptions &options = {}) {
  auto model = Model::load(tinyPath(), options);
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

std::vector<int32_t> randomTokens(Random &random, size_t count) {
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens)
    token = random.below(tiny::kVocab);
  return tokens;
}

void expectRow(const Logits &logits, uint32_t row,
               std::span<const int32_t> tokens) {
  auto found = logits.row(row);
  EXPECT_EQ(std::vector<float>(found.begin(), found.end()),
            tiny::expectedLogits(tokens));
}

TEST(Model, Info) {
  Model model = load({.threads = 2});
  EXPECT_EQ(model.info().name, "tiny");
  EXPECT_EQ(model.info().vocab, tiny::kVocab);
  EXPECT_EQ(model.threads(), 2u);
  EXPECT_TRUE(model.tokenizer().empty());
}

TEST(Model, AllRowsOfOneStep) {
  Model model = load({.threads = 1});
  Sequence sequence = model.createSequence();
  Random random(1);
  auto tokens = randomTokens(random, tiny::kMaxRows);
  Request request{&sequence, tokens, tiny::kMaxRows};
  auto logits = model.step({&request, 1});
  ASSERT_TRUE(logits) << logits.error().message;
  ASSERT_EQ(logits->rows, tiny::kMaxRows);
  for (uint32_t i = 0; i < tiny::kMaxRows; ++i)
    expectRow(*logits, i, std::span(tokens).first(i + 1));
}

TEST(Model, FeedChunks) {
  Random random(2);
  auto tokens = randomTokens(random, 100);
  for (uint32_t chunk : {1, 3, 16, 0}) {
    Model model = load({.threads = 1, .pageSeed = 5});
    Sequence sequence = model.createSequence();
    auto logits = model.feed(sequence, tokens, chunk);
    ASSERT_TRUE(logits) << logits.error().message;
    EXPECT_EQ(sequence.length(), 100u);
    expectRow(*logits, 0, tokens);
  }
}

/// Random operations on many sequences, against their token lists: steps that
/// mix prefill and decode, forks, and frees, with pages in random order.
void randomOperations(uint32_t threads, uint64_t seed) {
  struct Tracked {
    Sequence sequence;
    std::vector<int32_t> tokens;
  };
  Random random(seed);
  Model model = load({.threads = threads, .kvTokens = 400, .pageSeed = seed});
  std::vector<Tracked> tracked;
  for (int i = 0; i < 300; ++i) {
    uint64_t action = random.below(10);
    if (tracked.empty() || (action == 0 && tracked.size() < 6)) {
      tracked.push_back({model.createSequence(), {}});
    } else if (action == 1 && tracked.size() < 6) {
      Tracked &from = tracked[random.below(tracked.size())];
      Tracked copy{from.sequence.fork(), from.tokens};
      tracked.push_back(std::move(copy));
    } else if (action == 2) {
      tracked.erase(tracked.begin() + random.below(tracked.size()));
    } else {
      std::vector<std::vector<int32_t>> appended(tracked.size());
      std::vector<Request> requests;
      std::vector<std::span<const int32_t>> wanted;
      uint32_t room = tiny::kMaxRows;
      for (size_t s = 0; s < tracked.size() && room; ++s) {
        uint32_t most = std::min<uint32_t>(room, tiny::kMaxContext -
                                                     tracked[s].tokens.size());
        uint32_t count = random.below(most + 1);
        if (!count)
          continue;
        room -= count;
        appended[s] = randomTokens(random, count);
        uint32_t outputs = random.below(count + 1);
        requests.push_back({&tracked[s].sequence, appended[s], outputs});
        auto all = tracked[s].tokens;
        all.insert(all.end(), appended[s].begin(), appended[s].end());
        tracked[s].tokens = all;
        for (uint32_t k = outputs; k--;)
          wanted.push_back(std::span(tracked[s].tokens).first(all.size() - k));
      }
      if (requests.empty())
        continue;
      auto logits = model.step(requests);
      if (!logits) {
        // A full cache must leave everything as it was.
        ASSERT_NE(logits.error().message.find("cache: group"),
                  std::string::npos);
        for (size_t s = 0; s < tracked.size(); ++s) {
          auto &tokens = tracked[s].tokens;
          tokens.resize(tokens.size() - appended[s].size());
          ASSERT_EQ(tracked[s].sequence.length(), tokens.size());
        }
        tracked.pop_back();
        continue;
      }
      ASSERT_EQ(logits->rows, wanted.size());
      for (size_t r = 0; r < wanted.size(); ++r)
        expectRow(*logits, r, wanted[r]);
    }
  }
}

TEST(Model, RandomOperations) {
  for (uint64_t seed = 0; seed < 8; ++seed)
    randomOperations(1 + seed % 4, seed);
}

TEST(Model, RandomOperationsGuarded) {
  ::setenv("MICA_GUARD", "1", 1);
  for (uint64_t seed = 10; seed < 14; ++seed)
    randomOperations(1 + seed % 2, seed);
  ::unsetenv("MICA_GUARD");
}

TEST(Model, Generate) {
  Model model = load({.threads = 2});
  std::vector<int32_t> prompt = {3, 1, 4, 1, 5}, all = prompt, shown;
  Sequence sequence = model.createSequence();
  Sampler sampler({});
  auto stats = model.generate(sequence, prompt, sampler, {.maxTokens = 20},
                              [&](int32_t token) {
                                shown.push_back(token);
                                return true;
                              });
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(stats->newTokens, 20u);
  EXPECT_EQ(stats->decodeSteps, 19u);
  EXPECT_EQ(sequence.length(), 24u);
  for (int32_t token : shown) {
    EXPECT_EQ(token, argmax(tiny::expectedLogits(all)));
    all.push_back(token);
  }

  // The same prompt, ended by its third token.
  Sequence again = model.createSequence();
  stats = model.generate(again, prompt, sampler,
                         {.maxTokens = 20, .endTokens = {shown[2]}},
                         [](int32_t) { return true; });
  ASSERT_TRUE(stats);
  EXPECT_TRUE(stats->ended);
  EXPECT_LE(stats->newTokens, 2u);
}

TEST(Model, GenerateStopsAtContext) {
  Model model = load({.threads = 1});
  Sequence sequence = model.createSequence();
  std::vector<int32_t> prompt(tiny::kMaxContext, 7);
  Sampler sampler({});
  auto stats = model.generate(sequence, prompt, sampler, {.maxTokens = 5},
                              [](int32_t) { return true; });
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(stats->newTokens, 1u);
}

std::string stepError(Model &model, std::span<const Request> requests) {
  auto logits = model.step(requests);
  EXPECT_FALSE(logits);
  return logits ? "" : logits.error().message;
}

TEST(Model, StepErrors) {
  Model model = load({.threads = 1, .kvTokens = 8});
  Sequence a = model.createSequence(), b = model.createSequence(), none;
  std::vector<int32_t> good = {1, 2}, negative = {-1}, high = {50}, many(17, 0),
                       full(9, 0);
  Request requests[] = {{&a, good, 1}, {&a, good, 1}};
  EXPECT_EQ(stepError(model, requests),
            "step: a sequence stands in two requests, expected in one");
  EXPECT_EQ(stepError(model, {}), "step: 0 rows, expected 1 to 16");
  requests[0] = {&none, good, 1};
  EXPECT_EQ(stepError(model, {requests, 1}),
            "step: request 0 has no sequence of this model, expected one");
  requests[0] = {&a, {}, 0};
  EXPECT_EQ(stepError(model, {requests, 1}),
            "step: request 0 has no tokens, expected 1 or more");
  requests[0] = {&a, good, 3};
  EXPECT_EQ(stepError(model, {requests, 1}),
            "step: request 0 wants logits of 3 rows, expected at most 2");
  requests[0] = {&a, negative, 1};
  EXPECT_EQ(stepError(model, {requests, 1}),
            "step: request 0 has token -1, expected 0 to 49");
  requests[1] = {&b, high, 1}, requests[0] = {&a, good, 1};
  EXPECT_EQ(stepError(model, requests),
            "step: request 1 has token 50, expected 0 to 49");
  requests[0] = {&a, many, 1};
  EXPECT_EQ(stepError(model, {requests, 1}), "step: 17 rows, expected 1 to 16");
  requests[0] = {&a, full, 1};
  EXPECT_EQ(stepError(model, {requests, 1}),
            "cache: group 'full' has 2 free pages of 4 tokens, expected more "
            "for 9 tokens of a sequence of 0");
  EXPECT_EQ(a.length(), 0u);
}

TEST(Model, ContextError) {
  Model model = load({.threads = 1});
  Sequence sequence = model.createSequence();
  std::vector<int32_t> tokens(tiny::kMaxContext, 3);
  ASSERT_TRUE(model.feed(sequence, tokens));
  Request request{&sequence, std::span(tokens).first(1), 1};
  EXPECT_EQ(stepError(model, {&request, 1}),
            "step: request 0 makes its sequence 201 tokens long, expected at "
            "most 200");
}

TEST(Model, TimeStamps) {
  Model model = load({.threads = 2});
  Sequence sequence = model.createSequence();
  std::vector<int32_t> tokens = {1, 2, 3};
  model.recordPhases(true);
  ASSERT_TRUE(model.feed(sequence, tokens));
  ASSERT_TRUE(model.feed(sequence, tokens));
  model.recordPhases(false);
  auto stamps = model.phases();
  ASSERT_EQ(stamps.size(), 4u);
  for (const TimeStamp &stamp : stamps) {
    EXPECT_LE(stamp.begin, stamp.arrived);
    EXPECT_LE(stamp.arrived, stamp.end);
  }
  EXPECT_EQ(stamps[0].phase, "append");
  EXPECT_EQ(stamps[1].phase, "end");
}

} // namespace
