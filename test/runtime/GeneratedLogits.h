//===- GeneratedLogits.h - Logits for tests of sampling ---------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_RUNTIME_GENERATEDLOGITS_H
#define TEST_RUNTIME_GENERATEDLOGITS_H

#include "runtime/Random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace mica {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
/// Logits of V tokens: of a normal distribution, or of few values (`ties`).
inline std::vector<float> generated(size_t size, uint64_t seed,
                                    bool ties = false) {
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
inline std::vector<std::vector<float>> allLogits() {
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
inline std::vector<double> softmax(const std::vector<float> &logits) {
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

} // namespace mica

#endif // TEST_RUNTIME_GENERATEDLOGITS_H
