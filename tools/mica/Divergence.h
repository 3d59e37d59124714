//===- Divergence.h - How far two sets of distributions are apart -*- C++ -*-=//
//
// Everything is computed in float64 from logits in float32.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_DIVERGENCE_H
#define TOOLS_MICA_DIVERGENCE_H

#include <cstdint>
#include <span>
#include <vector>

namespace mica {

/// log of the sum of e^logit.
double logSumExp(std::span<const float> logits);

/// -log of the probability of `token`.
double negativeLog(std::span<const float> logits, int32_t token);

/// KL(base || other), the sum of p (log p - log q), p being the distribution
/// of `base`; at least 0.
double divergence(std::span<const float> base, std::span<const float> other);

/// A mean, and the standard deviation that the mean of as many other such
/// values would have: sqrt((mean of squares - square of mean) / (n - 1)).
struct Estimate {
  double mean = 0, error = 0;
};
/// Of no values: 0.
Estimate estimate(std::span<const double> values);

/// e to that, with the error carried over to first order.
Estimate exponential(Estimate estimate);

/// The value below which that share of sorted values lies, 1 value or more;
/// between two of them in proportion.
double quantile(std::span<const double> sorted, double share);

/// What was found of some tokens.
struct Scores {
  std::vector<double> nll;  ///< -log p of each predicted token.
  std::vector<double> base; ///< The same by the other source, if there is one.
  std::vector<double> kl;   ///< KL(other source || this one) per position.
  std::vector<uint8_t> agree; ///< Whether both have the same best token there.
  uint64_t windows = 0;
};

} // namespace mica

#endif // TOOLS_MICA_DIVERGENCE_H
