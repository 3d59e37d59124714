//===- Fit.h - Scales for a group of numbers --------------------*- C++ -*-===//
//
// The numeric part of the search for scales: numbers x with weights w are to be
// scale * L - min, with levels L of a given set, so that the weighted sum of
// squared rests is small. Private to lib/Format.
//
// Levels for given scale and minimum are found by rounding, scale and minimum
// for given levels by least squares. The two in turn find a local optimum only,
// so sixteen begin at once, one in each lane of a vector.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_FORMAT_FIT_H
#define LIB_FORMAT_FIT_H

#include "lib/Format/BitFields.h"

#include <cmath>

namespace mica {

constexpr int lanes = 16;
using Floats = float __attribute__((vector_size(lanes * sizeof(float))));

/// What numbers are rounded to: integers from `lo` to `hi`, or, if there are
/// steps, `lo` and higher by each step whose bound lies below the number.
struct Levels {
  float lo = 0, hi = 0;
  int bits = 0; ///< of the number of levels
  int steps = 0;
  float bound[255], step[255];
};

/// Numbers, their weights, and the sum of these.
struct Group {
  const float *x, *w;
  int size;
  float weight;
};

/// Whether there is a minimum, and of which sign.
enum class MinKind : uint8_t { None, NotNegative, Any };

/// Scales and minima, tried side by side.
struct Tries {
  Floats scale = {}, min = {};
};

/// The weighted sums over a group of products of the level L, the rest
/// r = x - (scale * L - min), and 1.
struct Sums {
  Floats rr = {}, rL = {}, r = {}, LL = {}, L = {}, w = {};
};

/// What a search found; `LL` is of the levels, see `Sums`.
struct Fit {
  float scale, min, LL;
};

MICA_INLINE void add(const Sums &more, Sums &sums) {
  sums.rr += more.rr;
  sums.rL += more.rL;
  sums.r += more.r;
  sums.LL += more.LL;
  sums.L += more.L;
}

/// 0 for 0.
MICA_INLINE void invert(Floats &scale) {
  scale = scale == 0 ? Floats{} : 1 / scale;
}

/// What is not a number becomes `lo`.
MICA_INLINE void clamp(const Levels &levels, Floats &y) {
  Floats lo = levels.lo - Floats{}, hi = levels.hi - Floats{};
  y = y > lo ? y : lo;
  y = y < hi ? y : hi;
}

/// Rounds to levels; adding 1.5 * 2^23 and taking it away rounds to integers.
MICA_INLINE void place(const Levels &levels, Floats &y) {
  if (levels.steps == 0) {
    clamp(levels, y);
    y = y + 0x1.8p23f - 0x1.8p23f;
    return;
  }
  Floats level = levels.lo - Floats{};
  for (int k = 0; k < levels.steps; ++k) {
    Floats step = levels.step[k] - Floats{};
    level += y > levels.bound[k] ? step : Floats{};
  }
  y = level;
}

/// Rounds the group to levels and sums up, in parts, as long sums lose places.
template <bool hasMin>
MICA_INLINE void measure(const Group &group, const Levels &levels,
                         const Tries &tries, Sums &sums) {
  Floats factor = tries.scale;
  invert(factor);
  sums = {};
  for (int begin = 0; begin < group.size; begin += 64) {
    Sums part;
    for (int i = begin; i < std::min(begin + 64, group.size); ++i) {
      Floats x = group.x[i] - Floats{};
      if (hasMin)
        x += tries.min;
      Floats level = x * factor;
      place(levels, level);
      Floats rest = x - level * tries.scale;
      Floats weighted = group.w[i] * rest, L = group.w[i] * level;
      part.rr += weighted * rest;
      part.rL += weighted * level;
      part.LL += L * level;
      if (hasMin) {
        part.r += weighted;
        part.L += L;
      }
    }
    add(part, sums);
  }
  sums.w = group.weight - Floats{};
}

/// Moves scales and minima to the best ones for the levels that `sums` are of;
/// `error` becomes the sum of squared rests then.
MICA_INLINE void correct(const Sums &sums, MinKind kind, Tries &tries,
                         Floats &error) {
  Floats det = sums.LL * sums.w - sums.L * sums.L, zero = {};
  Floats b = (sums.rL * sums.L - sums.r * sums.LL) / det; // of the minimum
  b = det > 1e-5f * sums.LL * sums.w && kind != MinKind::None ? b : zero;
  if (kind == MinKind::NotNegative)
    b = tries.min + b < 0 ? -tries.min : b;
  Floats a = (sums.rL + b * sums.L) / sums.LL; // of the scale
  a = sums.LL > 0 ? a : zero;
  tries.scale += a;
  tries.min += b;
  error = sums.rr + a * (a * sums.LL - 2 * sums.rL) +
          b * (b * sums.w + 2 * (sums.r - a * sums.L));
}

MICA_INLINE int leastLane(const Floats &values) {
  int least = 0;
  for (int l = 1; l < lanes; ++l)
    if (values[l] < values[least])
      least = l;
  return least;
}

/// The scale of that sign that leaves no number beyond the levels.
MICA_INLINE float wholeScale(const Levels &levels, float least, float most,
                             float sign) {
  float lo = sign > 0 ? levels.lo : -levels.hi;
  float hi = sign > 0 ? levels.hi : -levels.lo;
  return sign * std::max(hi > 0 ? most / hi : 0, lo < 0 ? least / lo : 0);
}

/// What a scale that leaves no number beyond the levels is divided by: 1, and
/// from a little less upwards. The fewer the levels are and the farther out the
/// extremes lie, `reach` from the centre, the more it pays to cut these off.
MICA_INLINE void startDivisors(const Group &group, const Levels &levels,
                               float centre, float reach, int count,
                               float *divisors) {
  float square = 0;
  for (int i = 0; i < group.size; ++i)
    square += (group.x[i] - centre) * (group.x[i] - centre);
  float usual = std::max(0.8f * float(levels.bits) - 0.6f, 1.0f) *
                std::sqrt(square / float(group.size));
  float least = 0.77f, most = 0.95f + 1.5f / std::sqrt(float(1 << levels.bits));
  float far = reach > most * usual ? std::min(reach / usual, 8.0f) : most;
  for (int l = 1; l < count; ++l) {
    float t = float(l) / float(count - 1);
    divisors[l] = least + (most - least) * t + (far - most) * t * t * t;
  }
  divisors[0] = 1;
}

/// Where lanes begin. One half of the scales is negative if there are negative
/// levels and no minimum.
MICA_INLINE void startTries(const Group &group, const Levels &levels,
                            MinKind kind, Tries &tries) {
  auto [low, high] = std::minmax_element(group.x, group.x + group.size);
  bool hasMin = kind != MinKind::None;
  float least = kind == MinKind::NotNegative ? std::min(*low, 0.0f) : *low;
  float most = *high, centre = hasMin ? (least + most) / 2 : 0;
  float up = wholeScale(levels, least, most, 1), down = up, divisors[lanes];
  int count = lanes;
  if (hasMin) {
    up = (most - least) / (levels.hi - levels.lo);
  } else if (levels.lo < 0) {
    down = wholeScale(levels, least, most, -1);
    count /= 2;
  }
  startDivisors(group, levels, centre, std::max(most - centre, centre - least),
                count, divisors);
  for (int l = 0; l < lanes; ++l)
    tries.scale[l] = (l < count ? up : down) / divisors[l % count];
  tries.min = Floats{};
  if (hasMin)
    tries.min = tries.scale * ((levels.lo + levels.hi) / 2) - centre;
  if (kind == MinKind::NotNegative)
    tries.min = tries.min > 0 ? tries.min : Floats{};
}

/// Scale and minimum for a group; the constants here and above are measured.
template <bool hasMin>
MICA_INLINE Fit search(const Group &group, const Levels &levels, MinKind kind) {
  Tries tries;
  Sums sums;
  Floats error;
  startTries(group, levels, kind, tries);
  for (int round = 0; round < 3; ++round) {
    measure<hasMin>(group, levels, tries, sums);
    correct(sums, kind, tries, error);
  }
  int l = leastLane(error);
  return {tries.scale[l], tries.min[l], sums.LL[l]};
}

} // namespace mica

#endif // LIB_FORMAT_FIT_H
