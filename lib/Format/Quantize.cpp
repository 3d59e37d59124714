//===- Quantize.cpp - Rows of numbers encoded -----------------------------===//
//
// The rules by which GGUF's reference writes blocks without a second level, in
// its order of operations, as its bits are to be met.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Quantize.h"
#include "lib/Format/BitFields.h"
#include "lib/Format/Search.h"

#include <cmath>

using namespace mica;

/// How a block's scale follows from its elements.
enum class Rule : uint8_t {
  Absolute,   ///< the largest magnitude has the largest code
  Extreme,    ///< the same, with its sign, has the smallest code
  Range,      ///< smallest and largest element have those codes
  PowerOfTwo, ///< that of the largest magnitude, less that of the codebook
  Search,     ///< no rule
};

static Rule ruleOf(const Format &format) {
  if (format.scale.type == ScaleType::E8M0Half)
    return Rule::PowerOfTwo;
  if (format.ggufType < 0 || format.subElements || !format.values.empty())
    return Rule::Search;
  if (format.min.type != ScaleType::None)
    return Rule::Range;
  bool halved = format.zero == 1 << (format.elementBits - 1);
  return halved ? Rule::Extreme : Rule::Absolute;
}

/// 0 for 0.
static float inverse(float scale) { return scale == 0 ? 0 : 1 / scale; }

/// The integer part; 0 where an int has no room.
static int truncate(float value) {
  return std::abs(value) < 0x1p31f ? int(value) : 0;
}

/// The nearest integer, of two the one away from 0; 0 where an int has no room.
static int roundAway(float value) {
  float magnitude = std::abs(value);
  int whole = truncate(magnitude);
  whole += magnitude - float(whole) >= 0.5f && magnitude < 0x1p31f;
  return value < 0 ? -whole : whole;
}

/// The first element of the largest magnitude.
static float extreme(std::span<const float> in) {
  return *std::max_element(in.begin(), in.end(), [](float a, float b) {
    return std::abs(a) < std::abs(b);
  });
}

static void encodeAbsolute(const Format &format, std::span<const float> in,
                           const BlockRow &out) {
  int top = (1 << (format.elementBits - 1)) - 1;
  *out.scales = std::abs(extreme(in)) / float(top);
  float factor = inverse(*out.scales);
  for (size_t i = 0; i < in.size(); ++i)
    out.codes[i] = roundAway(in[i] * factor) + format.integerZero();
}

static void encodeExtreme(const Format &format, std::span<const float> in,
                          const BlockRow &out) {
  *out.scales = extreme(in) / float(-format.zero);
  float factor = inverse(*out.scales), half = float(format.zero) + 0.5f;
  int top = 2 * format.zero - 1;
  for (size_t i = 0; i < in.size(); ++i)
    out.codes[i] = std::min(truncate(in[i] * factor + half), top);
}

static void encodeRange(const Format &format, std::span<const float> in,
                        const BlockRow &out) {
  auto [min, max] = std::minmax_element(in.begin(), in.end());
  int top = (1 << format.elementBits) - 1;
  *out.scales = (*max - *min) / float(top);
  *out.mins = -*min;
  float factor = inverse(*out.scales);
  for (size_t i = 0; i < in.size(); ++i)
    out.codes[i] = std::min(truncate((in[i] - *min) * factor + 0.5f), top);
}

/// The logarithm is rounded to f32, which may be up to the next integer; below
/// 2^-125 the byte's exponent wraps around, and all codes are 0.
static void encodePowerOfTwo(const Format &format, std::span<const float> in,
                             const BlockRow &out) {
  float max = std::abs(extreme(in));
  int8_t top = *std::max_element(format.values.begin(), format.values.end());
  int power = max > 0 ? int(std::floor(float(std::log2(double(max))))) -
                            std::ilogb(float(top)) + 128
                      : 0;
  float scale = std::ldexp(1.0f, uint8_t(power) - 128);
  *out.scales = scale;
  for (size_t i = 0; i < in.size(); ++i) {
    auto distance = [&](int8_t value) {
      return std::abs(scale * float(value) - in[i]);
    };
    auto nearest = std::ranges::min_element(format.values, {}, distance);
    out.codes[i] = nearest - format.values.begin();
  }
}

using Encode = void(const Format &, std::span<const float>, const BlockRow &);

static Encode *encodeOf(Rule rule) {
  switch (rule) {
  case Rule::Absolute:
    return encodeAbsolute;
  case Rule::Extreme:
    return encodeExtreme;
  case Rule::Range:
    return encodeRange;
  case Rule::PowerOfTwo:
    return encodePowerOfTwo;
  case Rule::Search:
    return nullptr;
  }
  return nullptr;
}

static void encodeFloats(const Format &format, const float *in, int64_t n,
                         std::byte *out) {
  if (format.elementBits == 32)
    return void(std::memcpy(out, in, n * sizeof(float)));
  for (int64_t i = 0; i < n; ++i) {
    auto bits =
        uint16_t(narrow(in[i], format.exponentBits, format.mantissaBits));
    std::memcpy(out + 2 * i, &bits, sizeof(bits));
  }
}

bool mica::canQuantize(const Format &format) {
  if (!format.isBlocks())
    return format.elementBits == 16 || format.mantissaBits == 23;
  return format.encoding != Encoding::Float && !format.zeros &&
         format.floatValues.empty();
}

void mica::quantizeRow(const Format &format, const float *in, int64_t n,
                       std::byte *out) {
  if (!format.isBlocks())
    return encodeFloats(format, in, n, out);
  Encode *encode = encodeOf(ruleOf(format));
  if (!encode)
    return quantizeBySearch(format, in, n, out);
  uint8_t codes[maxBlock];
  float scale, min;
  BlockRow parts{codes, &scale, &min};
  int count = format.blockElements;
  for (; n > 0; n -= count, in += count, out += format.blockBytes) {
    encode(format, {in, size_t(count)}, parts);
    joinRow(format, parts, count, out);
  }
}
