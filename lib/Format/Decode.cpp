//===- Decode.cpp - One routine that decodes every format -----------------===//
//
// Blocks of integers go through three plain loops: gather the codes' bit fields
// into bytes, gather the second-level factors, multiply. What the description
// says is read once per block or run and kept out of the inner loops, which
// have constant trip counts and vectorize. On x86 the routine is compiled
// twice, the second time for AVX2; without multiply-add both give the same
// bits.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

#include <bit>
#include <cstring>

// Everything below `decodeRow` becomes part of each of its versions.
#define MICA_INLINE [[gnu::always_inline]] static inline

using namespace mica;

static_assert(std::endian::native == std::endian::little,
              "blocks hold little-endian numbers");

static constexpr int maxBlock = 256; ///< elements of a block of integers
static constexpr int maxSubs = 16;   ///< sub-blocks of a block

template <class T> MICA_INLINE T load(const std::byte *in) {
  T value;
  std::memcpy(&value, in, sizeof(T));
  return value;
}

/// An IEEE-like number of `exponentBits` and `mantissaBits` (8 and 23 at most)
/// as f32: shift exponent and mantissa into f32's place and correct the bias,
/// twice for infinities and NaNs. A subnormal number is the mantissa of a
/// normal one from which the implicit bit is subtracted; exact, and no operand
/// is subnormal, which would be slow.
MICA_INLINE float widen(uint32_t bits, int exponentBits, int mantissaBits) {
  uint32_t magnitude = (bits & ((1u << (exponentBits + mantissaBits)) - 1))
                       << (23 - mantissaBits);
  uint32_t sign = (bits >> (exponentBits + mantissaBits)) << 31;
  uint32_t ones = ((1u << exponentBits) - 1) << 23;
  uint32_t excess = (128u - (1u << (exponentBits - 1))) << 23;
  uint32_t exponent = magnitude & ones, implicit = excess + (1u << 23);
  uint32_t normal = magnitude + excess + (exponent == ones ? excess : 0);
  uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude + implicit) -
                              std::bit_cast<float>(implicit));
  return std::bit_cast<float>((exponent ? normal : subnormal) | sign);
}

MICA_INLINE float readScale(Scale scale, const std::byte *block, float none) {
  switch (scale.type) {
  case ScaleType::None:
    return none;
  case ScaleType::F16:
    return widen(load<uint16_t>(block + scale.offset), 5, 10);
  case ScaleType::F32:
    return load<float>(block + scale.offset);
  }
  return none;
}

/// `(byte >> down & mask) << up` of each of 8 bytes at once: what a shift moves
/// in from the next byte is masked out.
MICA_INLINE uint64_t extract8(uint64_t bytes, int down, uint64_t mask, int up) {
  return (bytes >> down & mask * 0x0101010101010101u) << up;
}

/// Adds `Run` consecutive entries of a field to `codes`.
template <int Run>
MICA_INLINE void gatherRun(const std::byte *from, int down, unsigned mask,
                           int up, uint8_t *codes) {
  for (int l = 0; l < Run; l += 8) {
    uint64_t sum;
    std::memcpy(&sum, codes + l, 8);
    sum |= extract8(load<uint64_t>(from + l), down, mask, up);
    std::memcpy(codes + l, &sum, 8);
  }
}

MICA_INLINE void gatherRun(int run, const std::byte *from, int down,
                           unsigned mask, int up, uint8_t *codes) {
  switch (run) {
  case 16:
    return gatherRun<16>(from, down, mask, up, codes);
  case 32:
    return gatherRun<32>(from, down, mask, up, codes);
  case 64:
    return gatherRun<64>(from, down, mask, up, codes);
  default:
    for (int l = 0; l < run; ++l)
      codes[l] |= (unsigned(from[l]) >> down & mask) << up;
  }
}

/// Adds a field of single bits in the order of the elements: spreads each byte
/// over 8 bytes, keeps one bit in each, and moves it to bit `up`.
MICA_INLINE void gatherBits(const std::byte *from, int count, int up,
                            uint8_t *codes) {
  for (int i = 0; i < count; i += 8) {
    uint64_t spread = uint64_t(from[i / 8]) * 0x0101010101010101u;
    uint64_t bits = (spread & 0x8040201008040201u) + 0x7f7f7f7f7f7f7f7fu;
    uint64_t sum;
    std::memcpy(&sum, codes + i, 8);
    sum |= (bits >> 7 & 0x0101010101010101u) << up;
    std::memcpy(codes + i, &sum, 8);
  }
}

/// Adds a field's `count` entries to `codes`.
MICA_INLINE void gatherField(const BitField &field, const std::byte *block,
                             int count, uint8_t *codes) {
  const std::byte *bytes = block + field.offset;
  int up = field.codeShift;
  if (field.bits == 1 && field.run == 1 && field.slots == 8 &&
      field.groupBytes == 1 && field.slotBits == 1)
    return gatherBits(bytes, count, up, codes);
  unsigned mask = (1u << field.bits) - 1;
  for (int i = 0; i < count; bytes += field.groupBytes)
    for (int s = 0; s < field.slots; ++s, i += field.run)
      gatherRun(field.run, bytes + s * field.slotBytes,
                field.firstBit + s * field.slotBits, mask, up, codes + i);
}

MICA_INLINE void gather(std::span<const BitField> fields,
                        const std::byte *block, int count, uint8_t *codes) {
  std::memset(codes, 0, count);
  for (const BitField &field : fields)
    gatherField(field, block, count, codes);
}

/// The scale and the minimum of each sub-block of one block.
template <class T> struct Factors {
  T scale[maxSubs], min[maxSubs];
};

template <class T>
MICA_INLINE void readFactors(const Format &format, const std::byte *block,
                             int subs, Factors<T> &factors) {
  T scale = readScale(format.scale, block, 1);
  T min = readScale(format.min, block, 0);
  bool isSigned = format.subEncoding == Encoding::Signed;
  uint8_t scales[maxSubs], mins[maxSubs];
  if (!format.subScales.empty())
    gather(format.subScales, block, subs, scales);
  if (!format.subMins.empty())
    gather(format.subMins, block, subs, mins);
  for (int j = 0; j < subs; ++j) {
    factors.scale[j] = scale;
    if (!format.subScales.empty())
      factors.scale[j] *= T(isSigned ? int8_t(scales[j]) : int(scales[j]));
    factors.min[j] = min;
    if (!format.subMins.empty())
      factors.min[j] *= T(mins[j]);
  }
}

/// `count` elements that share a scale and a minimum. Flipping the sign bit of
/// a two's complement code turns it into an offset one.
template <class T, bool HasMin>
MICA_INLINE void scaleCodes(const uint8_t *codes, int count, uint8_t flip,
                            int zero, T scale, T min, T *out) {
  auto one = [&](int l) {
    T value = scale * T(int(uint8_t(codes[l] ^ flip)) - zero);
    out[l] = HasMin ? value - min : value;
  };
  constexpr int unit = 16;
  int l = 0;
  for (; l + unit <= count; l += unit)
    for (int k = 0; k < unit; ++k)
      one(l + k);
  for (; l < count; ++l)
    one(l);
}

template <class T, bool HasMin>
MICA_INLINE void decodeInteger(const Format &format, const std::byte *in,
                               int64_t n, T *out) {
  int count = format.blockElements;
  int sub = format.subElements ? format.subElements : count;
  bool isSigned = format.encoding == Encoding::Signed;
  int zero = isSigned ? 1 << (format.elementBits - 1) : format.zero;
  uint8_t flip = isSigned ? uint8_t(zero) : 0;
  uint8_t codes[maxBlock];
  Factors<T> factors;
  for (int64_t i = 0; i < n; i += count, in += format.blockBytes) {
    gather(format.codes, in, count, codes);
    readFactors(format, in, count / sub, factors);
    for (int j = 0; j * sub < count; ++j)
      scaleCodes<T, HasMin>(codes + j * sub, sub, flip, zero, factors.scale[j],
                            factors.min[j], out + i + j * sub);
  }
}

template <class T>
MICA_INLINE void decodeFloat(const Format &format, const std::byte *in,
                             int64_t n, T *out) {
  // The shapes of f32, bf16 and f16 as constants; anything else as described.
  int exponent = format.exponentBits, mantissa = format.mantissaBits;
  if (mantissa == 23)
    for (int64_t i = 0; i < n; ++i)
      out[i] = load<float>(in + 4 * i);
  else if (exponent == 8 && mantissa == 7)
    for (int64_t i = 0; i < n; ++i)
      out[i] = std::bit_cast<float>(uint32_t(load<uint16_t>(in + 2 * i)) << 16);
  else if (exponent == 5 && mantissa == 10)
    for (int64_t i = 0; i < n; ++i)
      out[i] = widen(load<uint16_t>(in + 2 * i), 5, 10);
  else
    for (int64_t i = 0; i < n; ++i)
      out[i] = widen(load<uint16_t>(in + 2 * i), exponent, mantissa);
}

template <class T>
MICA_INLINE void decodeAny(const Format &format, const std::byte *in, int64_t n,
                           T *out) {
  if (format.encoding == Encoding::Float)
    decodeFloat(format, in, n, out);
  else if (format.min.type != ScaleType::None)
    decodeInteger<T, true>(format, in, n, out);
  else
    decodeInteger<T, false>(format, in, n, out);
}

#ifdef __x86_64__
template <class T>
[[gnu::target("avx2")]] static void
decodeAVX2(const Format &format, const std::byte *in, int64_t n, T *out) {
  decodeAny(format, in, n, out);
}

template <class T>
static void decode(const Format &format, const std::byte *in, int64_t n,
                   T *out) {
  static const bool hasAVX2 = __builtin_cpu_supports("avx2");
  if (hasAVX2)
    decodeAVX2(format, in, n, out);
  else
    decodeAny(format, in, n, out);
}
#else
template <class T>
static void decode(const Format &format, const std::byte *in, int64_t n,
                   T *out) {
  decodeAny(format, in, n, out);
}
#endif

void mica::decodeRow(const Format &format, const std::byte *in, int64_t n,
                     float *out) {
  decode(format, in, n, out);
}

void mica::decodeRow(const Format &format, const std::byte *in, int64_t n,
                     double *out) {
  decode(format, in, n, out);
}
