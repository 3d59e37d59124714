//===- DivergenceTest.cpp - Statistics beside their formulas --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Divergence.h"

#include "runtime/Random.h"
#include "tools/mica/DivergencePlot.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mica;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> generated(size_t size, Random &random) {
  std::vector<float> logits(size);
  for (float &logit : logits)
    logit = float(20 * random.uniform() - 5);
  return logits;
}

/// The distribution in long double.
std::vector<long double> softmax(const std::vector<float> &logits) {
  std::vector<long double> p;
  long double total = 0;
  for (float logit : logits)
    total += p.emplace_back(std::exp((long double)logit));
  for (long double &x : p)
    x /= total;
  return p;
}

TEST(Divergence, Definitions) {
  Random random(1);
  for (size_t size : {1, 2, 17, 1000})
    for (int round = 0; round < 20; ++round) {
      auto base = generated(size, random), other = base;
      for (float &logit : other)
        logit += float(round * (random.uniform() - 0.5) / 4);
      auto p = softmax(base), q = softmax(other);
      long double kl = 0;
      for (size_t i = 0; i < size; ++i)
        kl += p[i] * std::log(p[i] / q[i]);
      EXPECT_NEAR(divergence(base, other), double(kl), 1e-14);
      EXPECT_GE(divergence(base, other), 0);
      EXPECT_NEAR(negativeLog(base, 0), double(-std::log(p[0])), 1e-13);
    }
}

TEST(Divergence, OfFarLogits) {
  std::vector<float> high = {3000, 2999}, low = {-3000, -3001};
  EXPECT_NEAR(divergence(high, low), 0, 1e-12);
  EXPECT_NEAR(negativeLog(high, 1), 1 + std::log1p(std::exp(-1.)), 1e-12);
  // What the base excludes costs nothing, what the other excludes everything.
  std::vector<float> one = {0, -kInfinity}, both = {0, 0};
  EXPECT_NEAR(divergence(one, both), std::log(2.), 1e-15);
  EXPECT_EQ(divergence(both, one), double(kInfinity));
  EXPECT_FALSE(std::isfinite(divergence(both, std::vector<float>{0, NAN})));
}

TEST(Divergence, Estimates) {
  std::vector<double> values = {1, 2, 4, 9};
  // Squares: 25.5 in the mean, 16 of the mean.
  EXPECT_DOUBLE_EQ(estimate(values).mean, 4);
  EXPECT_DOUBLE_EQ(estimate(values).error, std::sqrt((25.5 - 16) / 3));
  EXPECT_EQ(estimate(std::vector<double>{5}).error, 0);
  EXPECT_EQ(estimate({}).mean, 0);
  EXPECT_DOUBLE_EQ(exponential({2, 0.5}).mean, std::exp(2.));
  EXPECT_DOUBLE_EQ(exponential({2, 0.5}).error, std::exp(2.) / 2);
}

TEST(Divergence, Quantiles) {
  std::vector<double> values = {1, 2, 4, 9};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 3);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 7.5);
  EXPECT_EQ(quantile(values, 1), 9);
  EXPECT_EQ(quantile(std::vector<double>{7}, 0.99), 7);
}

/// How often `part` stands in `text`.
size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at)
    ++found;
  return found;
}

TEST(Divergence, Plot) {
  // Half of the values in each of two bars.
  std::vector<double> sorted(100, 1.1e-3);
  sorted.insert(sorted.end(), 100, 2e-2);
  std::string svg = divergencePlot(sorted, "a <b> & c");
  EXPECT_EQ(count(svg, "class=\"bar\""), 2u);
  EXPECT_EQ(count(svg, " %<"), 3u);
  EXPECT_EQ(count(svg, ">60 %<"), 1u);
  EXPECT_EQ(count(svg, "a &lt;b&gt; &amp; c"), 1u);
  EXPECT_EQ(count(svg, ">1e-3<"), 1u);
  EXPECT_EQ(count(svg, ">1e-1<"), 1u);
  EXPECT_EQ(count(svg, "99 % 0.02<"), 1u);
  EXPECT_EQ(count(svg, "mean 0.0106<"), 1u);
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

TEST(Divergence, PlotOfNothingAndOfTheUtmost) {
  for (auto sorted : {std::vector<double>{0}, {0, 0, 1e300}, {1e-30, 1e-30}}) {
    std::string svg = divergencePlot(sorted, "");
    EXPECT_GE(count(svg, "class=\"bar\""), 1u);
    EXPECT_EQ(count(svg, "nan"), 0u);
    EXPECT_EQ(count(svg, "inf"), 0u);
  }
}

} // namespace
