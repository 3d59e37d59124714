//===- DrawTest.cpp - What is drawn how often, and Mirostat -------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/Stages.h"
#include "test/runtime/GeneratedLogits.h"

#include "gtest/gtest.h"

#include <functional>

using namespace mica;

namespace {

TEST(Draw, DrawsAsOftenAsProbable) {
  auto logits = generated(20, 6);
  logits[3] = -kInfinity;
  auto p = softmax(logits);
  Candidates candidates;
  candidates.assign(logits);
  Random random(7);
  constexpr int kCount = 100000;
  std::vector<int> found(20);
  for (int i = 0; i < kCount; ++i)
    ++found[candidates[drawPlace(candidates, random)].id];
  double chi = 0;
  for (int id = 0; id < 20; ++id)
    if (p[id] * kCount > 5)
      chi += std::pow(found[id] - p[id] * kCount, 2) / (p[id] * kCount);
  EXPECT_LT(chi, 45); // One in 1000 with 19 degrees of freedom: 43.8.
  EXPECT_EQ(found[3], 0);
}

TEST(Draw, MirostatOneFollowsItsFormula) {
  for (size_t size : {200, 5000}) {
    auto logits = generated(size, 8);
    Candidates candidates;
    candidates.assign(logits);
    candidates.sort(100);
    std::sort(logits.begin(), logits.end(), std::greater<>());
    auto p = softmax(logits);
    double products = 0, squares = 0;
    for (int i = 1; i < 100; ++i) {
      double t = std::log((i + 1.) / i), b = std::log(p[i - 1] / p[i]);
      products += t * b, squares += t * t;
    }
    double s = products / squares, e = s - 1;
    double k =
        std::pow(e * std::pow(2, 6) / (1 - std::pow(double(size), -e)), 1 / s);
    MirostatOptions options{.version = 1, .tau = 3};
    EXPECT_NEAR(Mirostat(options).topK(candidates, size) / k, 1, 1e-4);
  }
}

TEST(Draw, MirostatHoldsTheSurprise) {
  // Of a distribution of 9.5 bits, the mean surprise of what is drawn is tau.
  auto logits = generated(3000, 9);
  for (float &logit : logits)
    logit /= 2;
  for (uint32_t version : {1, 2})
    for (float tau : {2.f, 5.f}) {
      Mirostat mirostat({.version = version, .tau = tau});
      Random random(10);
      std::vector<int32_t> drawn;
      Candidates candidates;
      auto p = softmax(logits);
      double surprise = 0;
      for (int i = 0; i < 4000; ++i) {
        candidates.assign(logits);
        int32_t token = mirostat.draw(candidates, logits.size(), random);
        // Within what was kept: the bound of version 2 tells its mass.
        double mass = 0;
        for (size_t k = 0; k < candidates.size(); ++k)
          mass += p[candidates[k].id];
        surprise -= std::log2(p[token] / mass) / 4000;
      }
      EXPECT_NEAR(surprise, tau, 0.1) << version;
    }
}

TEST(Draw, MirostatOfOddLogits) {
  for (const auto &logits : allLogits())
    for (uint32_t version : {1, 2}) {
      Mirostat mirostat({.version = version});
      Random random(11);
      for (int i = 0; i < 20; ++i) {
        Candidates candidates;
        candidates.assign(logits);
        int32_t token = mirostat.draw(candidates, logits.size(), random);
        EXPECT_TRUE(std::isfinite(logits[token]));
      }
    }
}

TEST(Draw, InfinitiesInEveryStage) {
  for (auto logits :
       {std::vector<float>{-kInfinity, -kInfinity, -kInfinity},
        std::vector<float>{0, kInfinity, -kInfinity, kInfinity, 1}}) {
    bool some = logits[1] == kInfinity;
    Random random(12);
    std::vector<std::function<void(Candidates &)>> stages = {
        [](Candidates &c) { keepTopK(c, 2); },
        [](Candidates &c) { keepTopP(c, .9f); },
        [](Candidates &c) { keepMinP(c, .1f); },
        [](Candidates &c) { keepTypical(c, .9f); },
        [](Candidates &c) { keepTopNSigma(c, 1); },
        [](Candidates &c) { keepTopNSigma(c, kInfinity); },
        [](Candidates &c) { applyTemperature(c, .7f, .5f, 1); },
        [&](Candidates &c) { excludeTopChoices(c, 1, .1f, random); }};
    for (auto &stage : stages) {
      Candidates candidates;
      candidates.assign(logits);
      stage(candidates);
      int32_t id = candidates[drawPlace(candidates, random)].id;
      EXPECT_TRUE(!some || logits[id] == kInfinity) << &stage - stages.data();
    }
  }
}

} // namespace
