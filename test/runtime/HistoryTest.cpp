//===- HistoryTest.cpp - Penalties and DRY beside their definitions -----===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/History.h"
#include "test/runtime/GeneratedLogits.h"

#include "gtest/gtest.h"

#include <map>

using namespace mica;

namespace {

TEST(History, Penalties) {
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

TEST(History, Dry) {
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

TEST(History, DryOfALongRepeat) {
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

} // namespace
