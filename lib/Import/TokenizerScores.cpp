//===- TokenizerScores.cpp - The scores of unigram pieces -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerSource.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

/// 10^power, rounded correctly.
static double powerOfTen(int power) {
  return std::strtod(("1e" + std::to_string(power)).c_str(), nullptr);
}

double mica::roundScore(double score) {
  if (!std::isfinite(score) || score == 0)
    return score;
  // The shortest digits that mean `score`, which writers of JSON use:
  // d.ddde-dd.
  char text[32];
  auto [end, failure] =
      std::to_chars(text, text + sizeof(text), std::fabs(score),
                    std::chars_format::scientific);
  uint64_t digits = 0;
  int exponent = 0;
  const char *at = text;
  for (bool fraction = false; *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + static_cast<uint64_t>(*at - '0');
    exponent -= fraction;
  }
  int written = 0;
  at += at[1] == '+' ? 2 : 1; // from_chars knows no plus
  std::from_chars(at, end, written);
  exponent += written;
  auto integer = static_cast<double>(digits);
  if (exponent < -308) // two steps, as neither may leave f64's range
    integer /= powerOfTen(308), exponent += 308;
  double rounded = exponent < 0 ? integer / powerOfTen(-exponent)
                                : integer * powerOfTen(exponent);
  return std::copysign(rounded, score);
}
