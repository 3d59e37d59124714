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

#include "lib/Format/BitFields.h"

using namespace mica;

/// The scale, the minimum and the zero point of each sub-block of one block.
template <class T> struct Factors {
  T scale[maxSubs], min[maxSubs];
  int zero[maxSubs];
};

template <class T>
MICA_INLINE void readFactors(const Format &format, const std::byte *block,
                             int subs, Factors<T> &factors) {
  T scale = readScale(format.scale, block, 1);
  T min = readScale(format.min, block, 0);
  bool hasScales = !format.subScales.empty(), hasMins = !format.subMins.empty();
  int8_t scales[maxSubs], mins[maxSubs];
  gatherFactors(format.subScales, format.subZero, block, subs, scales);
  gatherFactors(format.subMins, 0, block, subs, mins);
  for (int j = 0; j < subs; ++j) {
    factors.scale[j] = hasScales ? scale * T(scales[j]) : scale;
    factors.min[j] = hasMins ? min * T(mins[j]) : min;
    factors.zero[j] = format.zeros ? mins[j] : 0;
  }
}

using Bytes = uint8_t __attribute__((vector_size(32)));

/// Replaces codes by their values in the codebook plus 128, many codes at once:
/// of all values, that stays whose code is there.
MICA_INLINE void lookUp(std::span<const int8_t> values, int count,
                        uint8_t *codes) {
  int i = 0, unit = sizeof(Bytes);
  for (; i + unit <= count; i += unit) {
    Bytes present, chosen = {};
    std::memcpy(&present, codes + i, unit);
    for (size_t code = 0; code < values.size(); ++code)
      chosen |= Bytes(present == uint8_t(code)) & uint8_t(values[code] + 128);
    std::memcpy(codes + i, &chosen, unit);
  }
  for (; i < count; ++i)
    codes[i] = values[codes[i]] + 128;
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

/// The same with the codebook `values`.
template <class T>
MICA_INLINE void scaleValues(const uint8_t *codes, int count,
                             const float *values, T scale, T *out) {
  for (int l = 0; l < count; ++l)
    out[l] = scale * T(values[codes[l]]);
}

template <class T, bool HasMin>
MICA_INLINE void decodeInteger(const Format &format, const std::byte *in,
                               int64_t n, T *out) {
  int count = format.blockElements;
  bool hasValues = !format.values.empty();
  int sub = format.group(), zero = hasValues ? 128 : format.integerZero();
  uint8_t flip = signFlip(format);
  uint8_t codes[maxBlock];
  Factors<T> factors;
  for (int64_t i = 0; i < n; i += count, in += format.blockBytes) {
    gather(format.codes, in, count, codes);
    if (hasValues)
      lookUp(format.values, count, codes);
    readFactors(format, in, count / sub, factors);
    for (int j = 0; j * sub < count; ++j) {
      T *to = out + i + j * sub;
      if (!format.floatValues.empty())
        scaleValues(codes + j * sub, sub, format.floatValues.data(),
                    factors.scale[j], to);
      else
        scaleCodes<T, HasMin>(codes + j * sub, sub, flip,
                              zero + factors.zero[j], factors.scale[j],
                              factors.min[j], to);
    }
  }
}

/// Floats of 8 bits, in blocks that may have a scale.
template <class T>
MICA_INLINE void decodeBytes(const Format &format, const std::byte *in,
                             int64_t n, T *out) {
  int exponent = format.exponentBits, mantissa = format.mantissaBits;
  int count = format.blockElements;
  for (int64_t i = 0; i < n; i += count, in += format.blockBytes) {
    const std::byte *codes = in + format.codes[0].offset;
    T scale = readScale(format.scale, in, 1);
    for (int l = 0; l < count; ++l)
      out[i + l] = scale * T(widen(uint8_t(codes[l]), exponent, mantissa,
                                   format.finite));
  }
}

template <class T>
MICA_INLINE void decodeFloat(const Format &format, const std::byte *in,
                             int64_t n, T *out) {
  // The shapes of f32, bf16 and f16 as constants; anything else as described.
  int exponent = format.exponentBits, mantissa = format.mantissaBits;
  if (format.elementBits == 8)
    decodeBytes(format, in, n, out);
  else if (mantissa == 23)
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

void mica::decodeRow(const Format &format, const std::byte *in, int64_t n,
                     float *out) {
  forHost<decodeAny<float>>(format, in, n, out);
}

void mica::decodeRow(const Format &format, const std::byte *in, int64_t n,
                     double *out) {
  forHost<decodeAny<double>>(format, in, n, out);
}

float mica::scaleValue(ScaleType type, const std::byte *from) {
  return readScale({type}, from, 1);
}
