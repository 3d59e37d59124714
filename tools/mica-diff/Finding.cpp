//===- Finding.cpp - How far an op is from what it should be --------------===//

#include "tools/mica-diff/Finding.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

using namespace mica;

double mica::unitOf(OpOutput::Element element) {
  // An integer is off by 1/254 of its group's greatest, some times the rest.
  return std::ldexp(1, element == OpOutput::I8     ? -6
                       : element == OpOutput::BF16 ? -8
                       : element == OpOutput::F16  ? -11
                                                   : -24);
}

double mica::cacheUnit(const Manifest &manifest) {
  double unit = 0;
  for (const CacheGroup &group : manifest.cache)
    unit = std::max(unit, group.element == "i8"   ? unitOf(OpOutput::I8)
                          : group.element == "i4" ? std::ldexp(1, -3)
                                                  : 0);
  return unit;
}

double mica::unitOf(const Manifest &manifest) {
  double unit = unitOf(manifest.dtype == "bf16"  ? OpOutput::BF16
                       : manifest.dtype == "f16" ? OpOutput::F16
                                                 : OpOutput::F32);
  for (const OpOutput &output : manifest.outputs)
    if (output.element == OpOutput::I8)
      unit = std::max(unit, unitOf(output.element));
  return std::max(unit, cacheUnit(manifest));
}

double mica::sumUnit(const Manifest &manifest) {
  uint32_t widest = 1;
  for (const OpOutput &output : manifest.outputs)
    if (output.arena != OpOutput::Logits)
      widest = std::max(widest, output.columns);
  return std::ldexp(std::sqrt(widest), -24);
}

static double rms(std::span<const float> row) {
  double sum = 0;
  for (double x : row)
    sum += x * x;
  return std::sqrt(sum / row.size());
}

/// |a - b|; infinite if exactly one of them is no number, 0 if neither is.
static double distance(float a, float b) {
  if (std::isfinite(a) && std::isfinite(b))
    return std::abs(static_cast<double>(a) - b);
  bool same = a == b || (std::isnan(a) && std::isnan(b));
  return same ? 0 : std::numeric_limits<double>::infinity();
}

/// Notes an error that is worse than the one in `worst`.
static void note(Finding &worst, double error, double tolerance, double scale,
                 uint64_t row, int64_t column) {
  double ratio = error == 0 ? 0 : error / tolerance;
  if (ratio <= worst.ratio && worst.tolerance > 0)
    return;
  scale = std::isfinite(scale) ? std::max(scale, double(FLT_MIN)) : 1;
  worst.error = error / scale;
  worst.tolerance = tolerance / scale;
  worst.ratio = ratio;
  worst.row = row;
  worst.column = column;
}

/// Half of the step between the integers of the group that element `i` is in.
static double halfStep(std::span<const float> row, uint64_t group, uint64_t i) {
  if (!group)
    return 0;
  double greatest = 0;
  for (float x : row.subspan(i / group * group, group))
    greatest = std::max(greatest, std::abs(static_cast<double>(x)));
  return greatest / 254;
}

Finding mica::compareElements(std::span<const float> found,
                              std::span<const float> expected,
                              std::span<const float> moved, uint64_t columns,
                              const Bound &bound) {
  Finding worst;
  for (uint64_t row = 0; row * columns < expected.size(); ++row) {
    auto at = [&](std::span<const float> values) {
      return values.subspan(row * columns, columns);
    };
    auto have = at(found), want = at(expected), other = at(moved);
    double movement = 0, size = 0, scale = rms(want);
    for (uint64_t i = 0; i < columns; ++i) {
      movement += distance(other[i], want[i]) / columns;
      size += std::abs(want[i]) / columns;
    }
    double least = std::max({movement, bound.row * size, double(FLT_MIN)});
    for (uint64_t i = 0; i < columns; ++i) {
      double most = std::max({least, distance(other[i], want[i]),
                              bound.element * std::abs(want[i]),
                              halfStep(want, bound.group, i)});
      note(worst, distance(have[i], want[i]), bound.factor * most, scale, row,
           i);
    }
  }
  return worst;
}

Finding mica::compareRows(std::span<const float> found,
                          std::span<const float> expected, uint64_t columns,
                          double tolerance) {
  Finding worst;
  for (uint64_t row = 0; row * columns < expected.size(); ++row) {
    double sum = 0, scale = rms(expected.subspan(row * columns, columns));
    for (uint64_t i = row * columns; i < (row + 1) * columns; ++i)
      sum += std::pow(distance(found[i], expected[i]), 2);
    scale = std::max(scale, double(FLT_MIN));
    note(worst, std::sqrt(sum / columns), tolerance * scale, scale, row, -1);
  }
  return worst;
}
