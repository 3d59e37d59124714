//===- Search.cpp - Blocks encoded with a small squared error -------------===//
//
// One search for every format of blocks. Each group is fitted by itself; its
// scale and minimum are rounded to a factor times what the block stores, which
// is a fit like that of a group. Then the factors, by trying their neighbours,
// and what the block stores, by least squares, improve each other.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Search.h"
#include "lib/Format/Fit.h"

using namespace mica;

namespace {

/// What a format allows. Levels of factors that it lacks have 0 bits.
struct Shape {
  Levels levels, subScales, subMins;
  MinKind groupMin, blockMin;
  uint8_t codeOf[256]; ///< by the level modulo 256

  explicit Shape(const Format &format);
};

/// A block to encode, times a power of two that brings it near 1.
struct Block {
  float x[maxBlock], ones[maxBlock];
  Group groups[maxSubs];
  int size, subs;
  int exponent = 0; ///< of the power of two taken out

  explicit Block(const Format &format);
  void read(const float *in);
};

/// The factors of a block's groups, and what these are factors on.
struct Factors {
  float scale = 0, min = 0;
  float subScales[maxSubs], subMins[maxSubs];
  float error = INFINITY;
};

/// Steps from the factors of a group to their neighbours, one in each lane.
struct Steps {
  Floats scale = {}, min = {};

  explicit Steps(const Shape &shape);
};

} // namespace

/// The levels of integers of `bits`, less `zero`.
static Levels integers(int bits, int zero) {
  Levels levels;
  levels.lo = float(-zero);
  levels.hi = float((1 << bits) - 1 - zero);
  levels.bits = bits;
  return levels;
}

/// The levels of second-level factors; those of 8 bits are signed.
static Levels factors(std::span<const BitField> fields, int zero) {
  int bits = 0;
  for (const BitField &field : fields)
    bits = std::max(bits, field.codeShift + field.bits);
  return integers(bits, bits == 8 ? 128 : zero);
}

/// The levels of a codebook.
static Levels codebook(const Format &format) {
  int8_t sorted[256] = {};
  int count = int(format.values.size());
  std::partial_sort_copy(format.values.begin(), format.values.end(), sorted,
                         sorted + count);
  Levels levels;
  levels.lo = sorted[0];
  levels.hi = sorted[count - 1];
  levels.bits = format.elementBits;
  levels.steps = count - 1;
  for (int k = 0; k + 1 < count; ++k) {
    levels.bound[k] = float(sorted[k] + sorted[k + 1]) / 2;
    levels.step[k] = float(sorted[k + 1] - sorted[k]);
  }
  return levels;
}

Shape::Shape(const Format &format)
    : subScales(factors(format.subScales, format.subZero)),
      subMins(factors(format.subMins, 0)) {
  bool hasMin = format.min.type != ScaleType::None;
  bool hasValues = !format.values.empty();
  blockMin = hasMin ? MinKind::Any : MinKind::None;
  groupMin = subMins.bits ? MinKind::NotNegative : blockMin;
  int zero = format.integerZero();
  levels = hasValues ? codebook(format) : integers(format.elementBits, zero);
  for (int code = 0; code < 1 << format.elementBits; ++code)
    codeOf[uint8_t(hasValues ? format.values[code] : code - zero)] = code;
}

Block::Block(const Format &format)
    : size(format.blockElements), subs(size / format.group()) {
  int count = format.group();
  std::fill_n(ones, size, 1.0f);
  for (int j = 0; j < subs; ++j)
    groups[j] = {x + j * count, ones, count, float(count)};
}

void Block::read(const float *in) {
  float most = 0;
  for (int i = 0; i < size; ++i) {
    x[i] = std::isfinite(in[i]) ? in[i] : 0;
    most = std::max(most, std::abs(x[i]));
  }
  exponent = most > 0 ? std::ilogb(most) : 0;
  for (int i = 0; i < size; ++i)
    x[i] = std::ldexp(x[i], -exponent);
}

Steps::Steps(const Shape &shape) {
  for (int l = 0; l < lanes; ++l)
    if (shape.subMins.bits) {
      scale[l] = float(l / 5 % 3 - 1);
      min[l] = float(l % 5 - 2);
    } else if (shape.subScales.bits) {
      scale[l] = float(l - lanes / 2);
    }
}

/// The number nearest to `value`, in units of the block, that can be stored.
static float roundScale(Scale scale, const Block &block, float value) {
  if (scale.type == ScaleType::BF16)
    return widen(narrow(value, 8, 7), 8, 7);
  if (scale.type != ScaleType::F16)
    return value;
  constexpr float most = 65504;
  float stored = std::clamp(std::ldexp(value, block.exponent), -most, most);
  return std::ldexp(widen(narrow(stored, 5, 10), 5, 10), -block.exponent);
}

/// What the block stores for the groups' `values`, and the factors on it.
MICA_INLINE float roundFactors(Scale type, const Levels &levels,
                               const Block &block, const float *values,
                               const float *weights, float *out) {
  if (levels.bits == 0) {
    std::fill_n(out, block.subs, 1.0f);
    return roundScale(type, block, *values);
  }
  Group group{values, weights, block.subs, 0};
  Fit fit = search<false>(group, levels, MinKind::None);
  float scale = roundScale(type, block, fit.scale);
  if (scale == 0 && fit.scale != 0) // the least number times factors may do
    scale = std::ldexp(std::copysign(1.0f, fit.scale), -24 - block.exponent);
  float factor = scale == 0 ? 0 : 1 / scale;
  for (int j = 0; j < block.subs; ++j)
    out[j] =
        std::clamp(std::nearbyint(values[j] * factor), levels.lo, levels.hi);
  return scale;
}

/// Fits every group by itself, then rounds what it needs. The squares of its
/// levels say how much an error of its scale matters.
template <bool hasMin>
MICA_INLINE Factors firstFactors(const Format &format, const Shape &shape,
                                 const Block &block) {
  float scales[maxSubs], mins[maxSubs], squares[maxSubs];
  for (int j = 0; j < block.subs; ++j) {
    Fit fit = search<hasMin>(block.groups[j], shape.levels, shape.groupMin);
    scales[j] = fit.scale;
    mins[j] = fit.min;
    squares[j] = fit.LL;
  }
  Factors factors;
  factors.scale = roundFactors(format.scale, shape.subScales, block, scales,
                               squares, factors.subScales);
  factors.min = roundFactors(format.min, shape.subMins, block, mins, block.ones,
                             factors.subMins);
  return factors;
}

/// Moves the factors of group `j` to the best near them and adds up what the
/// block's scale and minimum are corrected by.
template <bool hasMin>
MICA_INLINE void moveFactors(const Shape &shape, const Block &block, int j,
                             const Steps &steps, Factors &factors,
                             Sums &total) {
  Tries near{factors.subScales[j] + steps.scale,
             factors.subMins[j] + steps.min};
  if (shape.subScales.bits)
    clamp(shape.subScales, near.scale);
  if (shape.subMins.bits)
    clamp(shape.subMins, near.min);
  Tries tries{factors.scale * near.scale, factors.min * near.min};
  Sums sums;
  measure<hasMin>(block.groups[j], shape.levels, tries, sums);
  int l = leastLane(sums.rr);
  float s = near.scale[l], m = near.min[l];
  factors.subScales[j] = s;
  factors.subMins[j] = m;
  total.rr += sums.rr[l];
  total.rL += sums.rL[l] * s;
  total.r += sums.r[l] * m;
  total.LL += sums.LL[l] * s * s;
  total.L += sums.L[l] * s * m;
  total.w += sums.w[l] * m * m;
}

/// Improves the groups' factors and the block's scale and minimum in turn,
/// until the error grows.
template <bool hasMin>
MICA_INLINE Factors improve(const Format &format, const Shape &shape,
                            const Steps &steps, const Block &block,
                            Factors factors) {
  Factors best = factors;
  for (int round = 0; round < 4; ++round) {
    Sums total;
    for (int j = 0; j < block.subs; ++j)
      moveFactors<hasMin>(shape, block, j, steps, factors, total);
    factors.error = total.rr[0];
    if (!(factors.error < best.error))
      break;
    best = factors;
    Tries tries{factors.scale - Floats{}, factors.min - Floats{}};
    Floats error;
    correct(total, shape.blockMin, tries, error);
    factors.scale = roundScale(format.scale, block, tries.scale[0]);
    factors.min = roundScale(format.min, block, tries.min[0]);
  }
  return best;
}

/// Rounds group `j` to codes.
MICA_INLINE void encode(const Shape &shape, const Block &block, int j,
                        const Factors &factors, uint8_t *codes) {
  const Group &group = block.groups[j];
  Floats factor = factors.scale * factors.subScales[j] - Floats{};
  invert(factor);
  for (int i = 0; i < group.size; i += lanes) {
    int count = std::min(lanes, group.size - i);
    Floats level = {};
    std::memcpy(&level, group.x + i, count * sizeof(float));
    level = (level + factors.min * factors.subMins[j]) * factor;
    place(shape.levels, level);
    for (int l = 0; l < count; ++l)
      codes[i + l] = shape.codeOf[uint8_t(int(level[l]))];
  }
}

template <bool hasMin>
MICA_INLINE void searchRow(const Format &format, const float *in, int64_t n,
                           std::byte *out) {
  Shape shape(format);
  Steps steps(shape);
  Block block(format);
  uint8_t codes[maxBlock];
  int8_t subScales[maxSubs], subMins[maxSubs];
  float scale, min;
  for (; n > 0; n -= block.size, in += block.size, out += format.blockBytes) {
    block.read(in);
    Factors factors =
        improve<hasMin>(format, shape, steps, block,
                        firstFactors<hasMin>(format, shape, block));
    scale = std::ldexp(factors.scale, block.exponent);
    min = std::ldexp(factors.min, block.exponent);
    for (int j = 0; j < block.subs; ++j) {
      encode(shape, block, j, factors, codes + j * format.group());
      subScales[j] = int8_t(factors.subScales[j]);
      subMins[j] = int8_t(factors.subMins[j]);
    }
    joinRow(format, {codes, &scale, &min, subScales, subMins}, block.size, out);
  }
}

void mica::quantizeBySearch(const Format &format, const float *in, int64_t n,
                            std::byte *out) {
  if (format.min.type == ScaleType::None)
    forHost<searchRow<false>>(format, in, n, out);
  else
    forHost<searchRow<true>>(format, in, n, out);
}
