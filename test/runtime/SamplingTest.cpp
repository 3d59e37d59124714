//===- SamplingTest.cpp - Each stage beside its definition ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/Exponential.h"
#include "runtime/Sampling/History.h"
#include "runtime/Sampling/Stages.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>

using namespace mica;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// A sum of rounded exponentials is not nearer to the exact one.
constexpr double kRounding = 1e-5;

/// Logits of V tokens: of a normal distribution, or of few values (`ties`).
std::vector<float> generated(size_t size, uint64_t seed, bool ties = false) {
  Random random(seed);
  std::vector<float> logits(size);
  for (float &logit : logits) {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += random.uniform();
    logit = ties ? std::round(sum * 2) : sum * 3;
  }
  return logits;
}

/// Logits of many sizes and kinds, NaN and infinities among them.
std::vector<std::vector<float>> allLogits() {
  std::vector<std::vector<float>> all;
  uint64_t seed = 0;
  for (size_t size : {1, 2, 3, 17, 256, 257, 1000, 5003})
    for (bool ties : {false, true}) {
      all.push_back(generated(size, ++seed, ties));
      auto odd = all.back();
      for (size_t i = 1; i < size; i += 3)
        odd[i] = i % 2 ? -kInfinity : std::nanf("");
      all.push_back(odd);
    }
  return all;
}

/// The distribution, computed in float64: p[id].
std::vector<double> softmax(const std::vector<float> &logits) {
  double best = -kInfinity, total = 0;
  for (float logit : logits)
    if (!std::isnan(logit))
      best = std::max(best, double(logit));
  std::vector<double> p;
  for (float logit : logits)
    p.push_back(std::isnan(logit) ? 0 : std::exp(logit - best));
  for (double x : p)
    total += x;
  for (double &x : p)
    x /= total;
  return p;
}

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

//===----------------------------------------------------------------------===//
// Stages that look at the text
//===----------------------------------------------------------------------===//

TEST(Sampling, Penalties) {
  PenaltyOptions options{.repeat = 1.5f, .frequency = 0.25f, .presence = 0.75f};
  for (int64_t lastN : {1, 7, 64, -1}) {
    options.lastN = lastN;
    Penalties penalties(options);
    Random random(4);
    std::vector<int32_t> text;
    auto logits = generated(50, 5);
    logits[7] = -kInfinity, logits[8] = 0;
    for (int i = 0; i < 200; ++i) {
      text.push_back(int32_t(random.below(60)));
      penalties.accept(text.back());
      size_t n = lastN < 0 ? text.size() : size_t(lastN);
      auto wanted = logits;
      for (int32_t id = 0; id < 50; ++id) {
        auto from = text.end() - std::min(n, text.size());
        auto times = std::count(from, text.end(), id);
        if (!times)
          continue;
        wanted[id] = wanted[id] > 0 ? wanted[id] / 1.5f : wanted[id] * 1.5f;
        wanted[id] -= 0.25f * times + 0.75f;
      }
      Candidates candidates;
      candidates.assign(logits);
      penalties.apply(candidates);
      for (int32_t id = 0; id < 50; ++id)
        ASSERT_EQ(candidates[id].logit, wanted[id]);
    }
  }
}

/// What DRY takes from each token, by trying all repeats.
std::map<int32_t, double> dryOff(std::vector<int32_t> text,
                                 const DryOptions &options) {
  if (options.lastN > 0 && text.size() > size_t(options.lastN))
    text.erase(text.begin(), text.end() - options.lastN);
  // The longest end of the text without a whole breaker in it, nor the rest of
  // one: all behind the last head whose tail follows.
  size_t limit = text.size();
  for (size_t at = text.size(); at-- && limit == text.size();) {
    size_t longest = 0;
    for (const auto &breaker : options.breakers)
      if (at + breaker.size() <= text.size() &&
          std::equal(breaker.begin(), breaker.end(), text.begin() + at))
        longest = std::max(longest, breaker.size());
    if (longest)
      limit = text.size() - at - longest;
    if (longest && limit == text.size())
      break;
  }
  std::map<int32_t, double> off;
  if (text.size() <= options.allowedLength)
    return off;
  for (size_t next = 1; next < text.size(); ++next) {
    size_t n = 0;
    while (n < next && n < limit &&
           text[next - 1 - n] == text[text.size() - 1 - n])
      ++n;
    bool breaks =
        std::ranges::count(options.breakers, std::vector<int32_t>{text[next]});
    if (n >= options.allowedLength && !breaks)
      off[text[next]] = std::max(
          off[text[next]],
          options.multiplier * std::pow(double(options.base),
                                        double(n - options.allowedLength)));
  }
  return off;
}

TEST(Sampling, Dry) {
  int affected = 0;
  for (int64_t lastN : {5, 40, -1})
    for (uint32_t allowed : {0, 1, 2, 4})
      for (int kind = 0; kind < 3; ++kind) {
        DryOptions options{
            .multiplier = 0.8f, .allowedLength = allowed, .lastN = lastN};
        if (kind)
          options.breakers = {{3}};
        if (kind == 2)
          options.breakers = {{2, 1}, {2, 1, 0}, {0, 0, 0, 0}};
        Dry dry(options);
        Random random(lastN + allowed);
        std::vector<int32_t> text;
        std::vector<float> logits(6, 1.f);
        for (int i = 0; i < 150; ++i) {
          text.push_back(int32_t(random.below(i < 75 ? 4 : 2)));
          dry.accept(text.back());
          Candidates candidates;
          candidates.assign(logits);
          dry.apply(candidates);
          auto off = dryOff(text, options);
          affected += !off.empty();
          for (int32_t id = 0; id < 6; ++id) {
            double wanted = 1 - (off.contains(id) ? off[id] : 0);
            ASSERT_NEAR(candidates[id].logit, wanted,
                        1e-5 * std::max(1., std::abs(wanted)))
                << id << " after " << i << ", " << lastN << ", " << allowed
                << ", " << kind;
          }
        }
      }
  EXPECT_GT(affected, 2000);
}

TEST(Sampling, DryOfALongRepeat) {
  // base^n is beyond a float: the token is never drawn, and nothing is NaN.
  Dry dry({.multiplier = 0.8f, .base = 4});
  for (int i = 0; i < 3000; ++i)
    dry.accept(1);
  Candidates candidates;
  candidates.assign(std::vector<float>{0, 1, 2});
  dry.apply(candidates);
  EXPECT_EQ(candidates[0].logit, 0);
  EXPECT_LT(candidates[1].logit, -1e38f);
}

//===----------------------------------------------------------------------===//
// Drawing
//===----------------------------------------------------------------------===//

TEST(Sampling, DrawsAsOftenAsProbable) {
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

TEST(Sampling, MirostatOneFollowsItsFormula) {
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

TEST(Sampling, MirostatHoldsTheSurprise) {
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

TEST(Sampling, MirostatOfOddLogits) {
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

TEST(Sampling, InfinitiesInEveryStage) {
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
