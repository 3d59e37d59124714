//===- Rope.cpp - Inverse frequencies of rotary positions -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace mica;

namespace {

/// The base with which the last wavelength is `factor` times as long at
/// `context` positions, and all are as they were at `originalContext`.
double dynamicBase(const RopeSettings &rope) {
  double longest = std::max(rope.context, rope.originalContext);
  double stretch =
      rope.factor * longest / rope.originalContext - (rope.factor - 1);
  double d = double(rope.columns);
  return rope.columns > 2 ? rope.theta * std::pow(stretch, d / (d - 2))
                          : rope.theta;
}

/// Llama 3's: long wavelengths are stretched, short ones kept.
float stretchLong(const RopeSettings &rope, float f) {
  float factor = float(rope.factor), low = float(rope.lowFactor);
  float range = float(rope.highFactor - rope.lowFactor);
  float longest = float(rope.originalContext / rope.lowFactor);
  float shortest = float(rope.originalContext / rope.highFactor);
  float wavelength = (1 / f) * float(2 * std::numbers::pi);
  if (wavelength > longest)
    return f / factor;
  if (wavelength < shortest)
    return f;
  float smooth = ((1 / wavelength) * float(rope.originalContext) - low) / range;
  return (1 - smooth) * f / factor + smooth * f;
}

/// YaRN's columns between which frequencies go over from kept to stretched.
std::pair<double, double> yarnRange(const RopeSettings &rope) {
  double d = double(rope.columns);
  auto columnOf = [&](double turns) {
    return d * std::log(rope.originalContext / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(rope.theta));
  };
  double low = columnOf(rope.betaFast), high = columnOf(rope.betaSlow);
  if (rope.truncate)
    low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, d - 1);
  return {low, low == high ? high + 0.001 : high};
}

/// The frequency 1 / `power` of column pair i.
float yarn(const RopeSettings &rope, float power, size_t i) {
  auto [low, high] = yarnRange(rope);
  float ramp = (float(i) - float(low)) / float(high - low);
  float kept = 1 - std::clamp(ramp, 0.0f, 1.0f);
  float stretched = 1 / (float(rope.factor) * power);
  return stretched * (1 - kept) + 1 / power * kept;
}

} // namespace

std::vector<float> mica::inverseFrequencies(const RopeSettings &rope) {
  using Scaling = RopeSettings::Scaling;
  std::vector<float> result(rope.columns / 2);
  float base =
      float(rope.scaling == Scaling::Dynamic ? dynamicBase(rope) : rope.theta);
  for (size_t i = 0; i < result.size(); ++i) {
    float exponent = float(2 * i) / float(rope.columns);
    float power = float(std::pow(double(base), double(exponent)));
    if (!rope.factors.empty())
      power *= rope.factors[i];
    float f = 1 / power;
    if (rope.scaling == Scaling::Linear)
      f /= float(rope.factor);
    if (rope.scaling == Scaling::Llama3)
      f = stretchLong(rope, f);
    if (rope.scaling == Scaling::Yarn)
      f = yarn(rope, power, i);
    result[i] = f;
  }
  return result;
}

RopeTable mica::ropeTable(const RopeSettings &rope) {
  return {inverseFrequencies(rope), RopePairing::Half,
          float(rope.attentionFactor)};
}
