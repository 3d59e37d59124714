//===- SamplingTest.cpp - Each stage beside its definition --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/Exponential.h"
#include "runtime/Sampling/Stages.h"
#include "test/runtime/GeneratedLogits.h"

#include "gtest/gtest.h"

#include <functional>
#include <set>

using namespace mica;

namespace {

// A sum of rounded exponentials is not nearer to the exact one.
constexpr double kRounding = 1e-5;

/// The ids that a stage keeps, in the list's order.
std::vector<int32_t> kept(const std::vector<float> &logits,
                          const std::function<void(Candidates &)> &stage) {
  Candidates candidates;
  candidates.assign(logits);
  stage(candidates);
  std::vector<int32_t> ids;
  for (size_t i = 0; i < candidates.size(); ++i)
    ids.push_back(candidates[i].id);
  return ids;
}

/// Calls check(id, whether it was kept).
void forEach(size_t size, const std::vector<int32_t> &ids,
             const std::function<void(size_t, bool)> &check) {
  std::set<int32_t> set(ids.begin(), ids.end());
  EXPECT_EQ(set.size(), ids.size());
  EXPECT_FALSE(set.empty());
  for (size_t id = 0; id < size; ++id)
    check(id, set.contains(int32_t(id)));
}

/// Those are the first `ids.size()` by `key`, the fewest whose probabilities
/// reach `bound`.
void expectFewest(const std::vector<int32_t> &ids, const std::vector<double> &p,
                  double bound, const std::vector<double> &key) {
  double sum = 0, last = -kInfinity, first = kInfinity, ofLast = 0;
  forEach(p.size(), ids, [&](size_t id, bool in) {
    if (!in)
      first = std::min(first, key[id]);
    else if (sum += p[id]; key[id] >= last)
      last = key[id], ofLast = p[id];
  });
  EXPECT_LE(last, first + kRounding);
  if (ids.size() < p.size())
    EXPECT_GE(sum, bound - kRounding);
  if (ids.size() > 1)
    EXPECT_LT(sum - ofLast, bound + kRounding);
}

TEST(Sampling, Exponential) {
  for (float x = 0; x > -100; x -= 0.00317f) {
    double exact = x < -87 ? 0 : std::exp(double(x));
    ASSERT_NEAR(exponential(x), exact, exact * 0x1p-22) << x;
  }
  EXPECT_EQ(exponential(0), 1);
  EXPECT_EQ(exponential(-kInfinity), 0);
}

TEST(Sampling, TopK) {
  for (const auto &logits : allLogits())
    for (uint32_t k : {1, 2, 5, 40, 300, 5000, 10000}) {
      std::vector<int32_t> wanted(logits.size());
      for (size_t i = 0; i < wanted.size(); ++i)
        wanted[i] = int32_t(i);
      std::ranges::sort(wanted, [&](int32_t a, int32_t b) {
        float x = orWorst(logits[a]), y = orWorst(logits[b]);
        return x != y ? x > y : a < b;
      });
      if (k < wanted.size())
        wanted.resize(k);
      auto ids = kept(logits, [&](Candidates &c) { keepTopK(c, k); });
      if (k >= logits.size())
        std::sort(ids.begin(), ids.end()),
            std::sort(wanted.begin(), wanted.end());
      EXPECT_EQ(ids, wanted);
    }
}

TEST(Sampling, SortingFurtherAndFurther) {
  for (const auto &logits : allLogits()) {
    Candidates whole, steps;
    whole.assign(logits);
    whole.sort(logits.size());
    steps.assign(logits);
    for (size_t n : {1, 2, 100, 256, 4000, 6000}) {
      steps.sort(n);
      ASSERT_EQ(steps.size(), logits.size());
      for (size_t i = 0; i < steps.sorted(); ++i)
        ASSERT_EQ(steps[i].id, whole[i].id);
    }
  }
}

TEST(Sampling, TopP) {
  for (const auto &logits : allLogits())
    for (float p : {0.f, 0.1f, 0.5f, 0.95f, 0.9999f}) {
      std::vector<double> key;
      for (double x : softmax(logits))
        key.push_back(-x);
      expectFewest(kept(logits, [&](Candidates &c) { keepTopP(c, p); }),
                   softmax(logits), p, key);
    }
}

TEST(Sampling, Typical) {
  for (const auto &logits : allLogits())
    for (float tau : {0.f, 0.1f, 0.5f, 0.95f, 0.9999f}) {
      auto p = softmax(logits);
      double entropy = 0;
      for (double x : p)
        entropy -= x > 0 ? x * std::log(x) : 0;
      std::vector<double> distance;
      for (double x : p)
        distance.push_back(std::abs(-std::log(x) - entropy));
      expectFewest(kept(logits, [&](Candidates &c) { keepTypical(c, tau); }), p,
                   tau, distance);
    }
}

TEST(Sampling, MinP) {
  for (const auto &logits : allLogits())
    for (float least : {0.001f, 0.05f, 0.5f, 1.f}) {
      auto p = softmax(logits);
      double best = *std::max_element(p.begin(), p.end());
      auto ids = kept(logits, [&](Candidates &c) { keepMinP(c, least); });
      forEach(p.size(), ids, [&](size_t id, bool in) {
        if (std::abs(p[id] / (best * least) - 1) > kRounding)
          EXPECT_EQ(in, p[id] > best * least) << id;
      });
    }
  // All that are as good as the best one.
  EXPECT_EQ(kept({1, 3, 2, 3}, [](Candidates &c) { keepMinP(c, 1); }),
            (std::vector<int32_t>{1, 3}));
}

TEST(Sampling, TopNSigma) {
  for (const auto &logits : allLogits())
    for (float n : {0.01f, 1.f, 2.5f}) {
      std::vector<double> finite;
      for (float logit : logits)
        if (std::isfinite(logit))
          finite.push_back(logit);
      double mean = 0, variance = 0;
      for (double x : finite)
        mean += x / double(finite.size());
      for (double x : finite)
        variance += (x - mean) * (x - mean) / double(finite.size());
      double least = *std::max_element(finite.begin(), finite.end()) -
                     n * std::sqrt(variance);
      auto ids = kept(logits, [&](Candidates &c) { keepTopNSigma(c, n); });
      forEach(logits.size(), ids, [&](size_t id, bool in) {
        if (logits.size() > 1 && !(std::abs(logits[id] - least) < kRounding))
          EXPECT_EQ(in, logits[id] > least) << id;
      });
    }
}

TEST(Sampling, ExcludeTopChoices) {
  for (const auto &logits : allLogits())
    for (float threshold : {0.f, 0.01f, 0.1f, 0.5f}) {
      auto p = softmax(logits);
      std::vector<double> top;
      for (double x : p)
        if (x >= threshold)
          top.push_back(x);
      std::sort(top.begin(), top.end());
      Random random(1);
      auto ids = kept(logits, [&](Candidates &c) {
        excludeTopChoices(c, 1, threshold, random);
      });
      EXPECT_EQ(ids.size(), p.size() - (top.size() > 1 ? top.size() - 1 : 0));
      if (top.size() > 1)
        for (int32_t id : ids)
          EXPECT_LE(p[id], top[0] + kRounding);
    }
}

TEST(Sampling, ExcludeTopChoicesNowAndThen) {
  std::vector<float> logits = {1, 1, 0};
  Random random(2);
  int excluded = 0;
  for (int i = 0; i < 10000; ++i)
    excluded += kept(logits, [&](Candidates &c) {
                  excludeTopChoices(c, 0.3f, 0.2f, random);
                }).size() < 3;
  EXPECT_NEAR(excluded, 3000, 5 * std::sqrt(10000 * .3 * .7));
  // No two tokens have more than half of the probability: no number is taken.
  Random before(3), after(3);
  kept(logits, [&](Candidates &c) { excludeTopChoices(c, 1, 0.6f, after); });
  EXPECT_EQ(before.position(), after.position());
}

TEST(Sampling, Temperature) {
  Candidates candidates;
  candidates.assign(std::vector<float>{1, 4, 2});
  applyTemperature(candidates, 0.5f, 0, 1);
  EXPECT_EQ(candidates[1].logit, 8);
  applyTemperature(candidates, 0, 0, 1);
  ASSERT_EQ(candidates.size(), 1u);
  EXPECT_EQ(candidates[0].id, 1);
}

TEST(Sampling, DynamicTemperature) {
  for (const auto &logits : allLogits())
    for (float exponent : {0.5f, 1.f, 2.f}) {
      double entropy = 0;
      for (double x : softmax(logits))
        entropy -= x > 0 ? x * std::log(x) : 0;
      double share = entropy / std::log(double(logits.size()));
      double t = 0.25 + 1.5 * std::pow(share, exponent);
      if (logits.size() == 1)
        t = 1;
      Candidates candidates;
      candidates.assign(logits);
      applyTemperature(candidates, 1, 0.75f, exponent);
      for (size_t i = 0; i < logits.size(); ++i) {
        if (std::isfinite(logits[i]))
          EXPECT_NEAR(candidates[i].logit, logits[i] / t, 1e-3);
        else
          EXPECT_EQ(candidates[i].logit, -kInfinity);
      }
    }
}

} // namespace
