//===- Divergence.cpp - How far two sets of distributions are apart -------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Divergence.h"

#include <algorithm>
#include <cmath>

using namespace mica;

double mica::logSumExp(std::span<const float> logits) {
  double best = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - best);
  return best + std::log(sum);
}

double mica::negativeLog(std::span<const float> logits, int32_t token) {
  return logSumExp(logits) - double(logits[token]);
}

double mica::divergence(std::span<const float> base,
                        std::span<const float> other) {
  double best = *std::max_element(base.begin(), base.end());
  double total = 0, sum = 0; // Of e^b, and of e^b (b - o).
  for (size_t i = 0; i < base.size(); ++i) {
    double weight = std::exp(double(base[i]) - best);
    total += weight;
    if (weight > 0)
      sum += weight * (double(base[i]) - double(other[i]));
  }
  double kl = sum / total - (best + std::log(total)) + logSumExp(other);
  return std::isnan(kl) ? kl : std::max(kl, 0.); // Rounding may be below.
}

Estimate mica::estimate(std::span<const double> values) {
  Estimate found;
  if (values.empty())
    return found;
  auto n = double(values.size());
  for (double value : values)
    found.mean += value;
  found.mean /= n;
  double squares = 0;
  for (double value : values)
    squares += (value - found.mean) * (value - found.mean);
  if (n > 1)
    found.error = std::sqrt(squares / n / (n - 1));
  return found;
}

Estimate mica::exponential(Estimate of) {
  return {std::exp(of.mean), std::exp(of.mean) * of.error};
}

double mica::quantile(std::span<const double> sorted, double share) {
  double place = share * double(sorted.size() - 1);
  auto below = size_t(place);
  size_t above = std::min(below + 1, sorted.size() - 1);
  double part = place - double(below);
  return (1 - part) * sorted[below] + part * sorted[above];
}
