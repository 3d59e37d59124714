//===- SamplerTest.cpp - Which tokens are drawn, and how often ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "mica/Sampler.h"

#include "runtime/Random.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <set>

using namespace mica;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The first numbers of the published SplitMix64 from seeds 0 and 1234567.
TEST(Random, KnownNumbers) {
  Random zero(0);
  EXPECT_EQ(zero.next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(zero.next(), 0x6e789e6aa1b965f4u);
  Random other(1234567);
  EXPECT_EQ(other.next(), 6457827717110365317u);
  EXPECT_EQ(other.next(), 3203168211198807973u);
}

TEST(Argmax, TiesAndNaN) {
  EXPECT_EQ(argmax(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(argmax(std::vector<float>{kNaN, -5, -kInfinity}), 1);
  EXPECT_EQ(argmax(std::vector<float>{kNaN, kNaN}), 0);
  EXPECT_EQ(argmax(std::vector<float>{-kInfinity, kInfinity}), 1);
}

/// How often each token is drawn in `count` draws, as shares.
std::vector<double> shares(const SamplerOptions &options,
                           const std::vector<float> &logits, int count) {
  Sampler sampler(options);
  std::vector<double> shares(logits.size());
  for (int i = 0; i < count; ++i)
    shares[sampler.sample(logits)] += 1.0 / count;
  return shares;
}

void expectShares(const SamplerOptions &options,
                  const std::vector<float> &logits,
                  const std::vector<double> &expected) {
  constexpr int kCount = 40000;
  auto found = shares(options, logits, kCount);
  for (size_t i = 0; i < logits.size(); ++i) {
    // Five standard deviations, and rounding.
    double bound =
        5 * std::sqrt(expected[i] * (1 - expected[i]) / kCount) + 1e-9;
    EXPECT_NEAR(found[i], expected[i], bound) << i;
  }
}

const std::vector<float> kLogits = {std::log(4.f), std::log(1.f), std::log(3.f),
                                    std::log(2.f)};

TEST(Sampler, Greedy) {
  EXPECT_EQ(Sampler({}).sample(kLogits), 0);
  EXPECT_EQ(Sampler({.temperature = 5, .topK = 1}).sample(kLogits), 0);
}

TEST(Sampler, Temperature) {
  expectShares({.temperature = 1, .seed = 1}, kLogits, {.4, .1, .3, .2});
  // Half the temperature squares the odds: 16, 1, 9, 4 of 30.
  expectShares({.temperature = 0.5f, .seed = 2}, kLogits,
               {16 / 30., 1 / 30., 9 / 30., 4 / 30.});
}

TEST(Sampler, TopK) {
  expectShares({.temperature = 1, .topK = 2, .seed = 3}, kLogits,
               {4 / 7., 0, 3 / 7., 0});
  expectShares({.temperature = 1, .topK = 9, .seed = 3}, kLogits,
               {.4, .1, .3, .2});
}

TEST(Sampler, TopP) {
  // 0.4 alone does not reach 0.65, with 0.3 it does.
  expectShares({.temperature = 1, .topP = 0.65f, .seed = 4}, kLogits,
               {4 / 7., 0, 3 / 7., 0});
  expectShares({.temperature = 1, .topP = 0.3f, .seed = 4}, kLogits,
               {1, 0, 0, 0});
  expectShares({.temperature = 1, .topP = 0, .seed = 4}, kLogits, {1, 0, 0, 0});
  // Of the three tokens that topK leaves, two have 7/9 of the probability.
  expectShares({.temperature = 1, .topK = 3, .topP = 0.7f, .seed = 5}, kLogits,
               {4 / 7., 0, 3 / 7., 0});
}

TEST(Sampler, ManyTokens) {
  // More than are sorted at first, all equal: each token can be drawn.
  std::vector<float> logits(20000, 1.5f);
  Sampler sampler({.temperature = 1, .topP = 0.9999f, .seed = 6});
  std::set<int32_t> seen;
  for (int i = 0; i < 300; ++i)
    seen.insert(sampler.sample(logits));
  EXPECT_GT(seen.size(), 280u);
  EXPECT_GT(*seen.rbegin(), 19000);
}

TEST(Sampler, Infinities) {
  SamplerOptions options{.temperature = 1, .topP = 0.9f, .seed = 7};
  EXPECT_EQ(Sampler(options).sample(std::vector<float>{0, kInfinity, 0}), 1);
  EXPECT_EQ(Sampler(options).sample(
                std::vector<float>{-kInfinity, kNaN, 0, -kInfinity}),
            2);
  // Nothing to choose from: still a token.
  int32_t token =
      Sampler(options).sample(std::vector<float>{-kInfinity, -kInfinity});
  EXPECT_TRUE(token == 0 || token == 1);
}

TEST(Sampler, Reproducible) {
  SamplerOptions options{.temperature = 1, .topK = 3, .seed = 42};
  Sampler a(options), b(options), other({.temperature = 1, .seed = 43});
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    int32_t token = a.sample(kLogits);
    EXPECT_EQ(token, b.sample(kLogits));
    differs |= token != other.sample(kLogits);
  }
  EXPECT_TRUE(differs);
}

TEST(Sampler, TheOrderOfStages) {
  using enum SamplerStage;
  SamplerOptions options{.temperature = 0.5f, .topP = 0.65f, .seed = 8};
  // Temperature is last: 0.4 and 0.3 reach 0.65, then their odds are squared.
  expectShares(options, kLogits, {16 / 25., 0, 9 / 25., 0});
  // Temperature first: 16 and 9 of 30 reach it; topP alone leaves the odds.
  options.stages = {Temperature, TopP};
  options.topP = 0.5f;
  expectShares(options, kLogits, {1, 0, 0, 0});
  options.stages = {TopP};
  expectShares(options, kLogits, {4 / 7., 0, 3 / 7., 0});
  options.stages = {};
  expectShares(options, kLogits, {.4, .1, .3, .2});
}

TEST(Sampler, StagesThatRemove) {
  expectShares({.temperature = 1, .seed = 9, .minP = 0.6f}, kLogits,
               {4 / 7., 0, 3 / 7., 0});
  // 1.28 nats of entropy: 0.3 (1.2), then 0.2 (1.6) and 0.4 (0.9).
  expectShares({.temperature = 1, .seed = 9, .typicalP = 0.4f}, kLogits,
               {0, 0, .6, .4});
  expectShares({.temperature = 1,
                .seed = 9,
                .xtcProbability = 0.5f,
                .xtcThreshold = 0.25f},
               kLogits, {.2, .05 + 1 / 12., .15 + .25, .1 + 2 / 12.});
}

TEST(Sampler, Bias) {
  expectShares({.temperature = 1,
                .seed = 10,
                .bias = {{0, -kInfinity}, {1, std::log(5.f)}, {9, 1}, {-1, 1}}},
               kLogits, {0, .5, .3, .2});
  EXPECT_EQ(Sampler({.bias = {{3, 5}}}).sample(kLogits), 3);
}

TEST(Sampler, PenaltiesSeeWhatIsAccepted) {
  Sampler sampler({.penalties = {.presence = 10, .lastN = 2}});
  std::vector<int32_t> prompt = {3, 0};
  sampler.accept(prompt);
  EXPECT_EQ(sampler.sample(kLogits), 2);
  sampler.accept(2);
  EXPECT_EQ(sampler.sample(kLogits), 3);
  EXPECT_EQ(sampler.sample(kLogits), 3); // Not accepted by itself.
  sampler.accept(3);
  EXPECT_EQ(sampler.sample(kLogits), 0);
}

TEST(Sampler, DryEndsARepeat) {
  Sampler sampler({.dry = {.multiplier = 10, .breakers = {{1}}}});
  for (int32_t token : {3, 2, 0, 3, 2})
    sampler.accept(token);
  EXPECT_EQ(sampler.sample(kLogits), 2); // 0 went on before.
  sampler.accept(1);
  EXPECT_EQ(sampler.sample(kLogits), 0);
}

TEST(Sampler, MirostatIsReproducible) {
  for (uint32_t version : {1, 2}) {
    SamplerOptions options{
        .temperature = 1, .seed = 3, .mirostat = {.version = version}};
    Sampler a(options), b(options);
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(a.sample(kLogits), b.sample(kLogits));
    options.temperature = 0;
    EXPECT_EQ(Sampler(options).sample(kLogits), 0);
  }
}

TEST(Sampler, LogProbsAreTheModels) {
  Sampler sampler({.temperature = 0.1f,
                   .penalties = {.presence = 3},
                   .bias = {{3, 100}},
                   .logProbs = 2});
  EXPECT_EQ(sampler.sample(kLogits), 3);
  const LogProbs &found = sampler.logProbs();
  EXPECT_EQ(found.token.id, 3);
  EXPECT_NEAR(found.token.logProb, std::log(.2), 1e-6);
  ASSERT_EQ(found.best.size(), 2u);
  EXPECT_EQ(found.best[0].id, 0);
  EXPECT_NEAR(found.best[0].logProb, std::log(.4), 1e-6);
  EXPECT_EQ(found.best[1].id, 2);
  EXPECT_NEAR(found.best[1].logProb, std::log(.3), 1e-6);
  EXPECT_EQ(logProbsOf(kLogits, 1, 9).best.size(), 4u);
  EXPECT_TRUE(logProbsOf(kLogits, 1, 0).best.empty());
  EXPECT_EQ(logProbsOf(std::vector<float>{kNaN, 1}, 0, 0).token.logProb,
            -kInfinity);
}

/// What is shown of `pieces`; a "|" marks the end of each.
std::string showAll(std::vector<std::string> strings,
                    const std::vector<std::string> &pieces) {
  StopStrings stop(std::move(strings));
  std::string shown;
  for (const std::string &piece : pieces)
    shown += stop.feed(piece) + "|";
  return shown + stop.finish() + (stop.stopped() ? "!" : "");
}

TEST(StopStrings, HoldBackAndStop) {
  EXPECT_EQ(showAll({}, {"a", "b"}), "a|b|");
  EXPECT_EQ(showAll({""}, {"a", "b"}), "a|b|");
  EXPECT_EQ(showAll({"END"}, {"xE", "N", "Dy", "z"}), "x||||!");
  EXPECT_EQ(showAll({"END"}, {"xE", "N", "Ey"}), "x||ENEy|");
  EXPECT_EQ(showAll({"END"}, {"xE", "N"}), "x||EN");
  EXPECT_EQ(showAll({"END"}, {"an END of it"}), "an |!");
  // The one that begins first wins; a shorter one ends sooner.
  EXPECT_EQ(showAll({"cd", "b"}, {"abcd"}), "a|!");
  EXPECT_EQ(showAll({"aab"}, {"aa", "ab"}), "|a|!");
}

} // namespace
