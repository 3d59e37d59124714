//===- Decode.cpp - One routine that decodes every format -----------------===//
//
// Blocks of integers go through three plain loops: gather the codes' bit
// fields into bytes, gather the second-level factors, multiply. What the
// description says is read once per block and kept out of the inner loops,
// which run over whole runs and vectorize.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

#include <bit>
#include <cstring>

using namespace mica;

namespace {

constexpr int maxBlock = 256; ///< elements of a block with scales, at most
constexpr int maxSubs = 16;   ///< sub-blocks of a block, at most

template <class T> T load(const std::byte *in) {
  T value;
  std::memcpy(&value, in, sizeof(T));
  return value;
}

/// An IEEE-like number of `exponentBits` and `mantissaBits` (8 and 23 at most)
/// as f32: shift exponent and mantissa into f32's place and correct the bias by
/// an exact multiplication, which also handles subnormal numbers.
float widen(uint32_t bits, int exponentBits, int mantissaBits) {
  int shift = 23 - mantissaBits;
  uint32_t magnitude = (bits & ((1u << (exponentBits + mantissaBits)) - 1))
                       << shift;
  uint32_t sign = (bits >> (exponentBits + mantissaBits)) << 31;
  uint32_t top = ((1u << exponentBits) - 1) << 23;
  int bias = 127 - ((1 << (exponentBits - 1)) - 1);
  float scaled = std::bit_cast<float>(magnitude) *
                 std::bit_cast<float>(uint32_t(127 + bias) << 23);
  uint32_t special = 0x7f800000u | magnitude;
  uint32_t result =
      magnitude >= top ? special : std::bit_cast<uint32_t>(scaled);
  return std::bit_cast<float>(result | sign);
}

float readScale(Scale scale, const std::byte *block) {
  switch (scale.type) {
  case ScaleType::None:
    return 1;
  case ScaleType::F16:
    return widen(load<uint16_t>(block + scale.offset), 5, 10);
  case ScaleType::F32:
    return load<float>(block + scale.offset);
  }
  return 1;
}

/// Adds one field's `count` entries to `codes`.
void gatherField(const BitField &field, const std::byte *block, int count,
                 uint8_t *codes) {
  auto *bytes = reinterpret_cast<const uint8_t *>(block) + field.offset;
  unsigned mask = (1u << field.bits) - 1, up = field.codeShift;
  if (field.run == 1) {
    for (int i = 0; i < count; i += field.slots, bytes += field.groupBytes)
      for (int s = 0; s < field.slots; ++s)
        codes[i + s] |= (bytes[s * field.slotBytes] >>
                             (field.firstBit + s * field.slotBits) &
                         mask)
                        << up;
    return;
  }
  for (int i = 0; i < count; bytes += field.groupBytes)
    for (int s = 0; s < field.slots; ++s, i += field.run) {
      const uint8_t *from = bytes + s * field.slotBytes;
      unsigned down = field.firstBit + s * field.slotBits;
      for (int l = 0; l < field.run; ++l)
        codes[i + l] |= (from[l] >> down & mask) << up;
    }
}

void gather(std::span<const BitField> fields, const std::byte *block, int count,
            uint8_t *codes) {
  std::memset(codes, 0, count);
  for (const BitField &field : fields)
    gatherField(field, block, count, codes);
}

/// A code of `bits` as the integer it means.
int meaning(Encoding encoding, unsigned code, int bits) {
  if (encoding == Encoding::Signed)
    return int32_t(code << (32 - bits)) >> (32 - bits);
  return int(code);
}

/// The scale and minimum of each sub-block of one block.
template <class T> struct Factors {
  T scale[maxSubs], min[maxSubs];

  Factors(const Format &format, const std::byte *block, int subs) {
    T blockScale = readScale(format.scale, block);
    T blockMin = format.min.type == ScaleType::None
                     ? T(0)
                     : T(readScale(format.min, block));
    uint8_t scales[maxSubs], mins[maxSubs];
    gather(format.subScales, block, subs, scales);
    gather(format.subMins, block, subs, mins);
    int bits = 8;
    for (int j = 0; j < subs; ++j) {
      scale[j] =
          format.subScales.empty()
              ? blockScale
              : blockScale * T(meaning(format.subEncoding, scales[j], bits));
      min[j] = format.subMins.empty() ? blockMin : blockMin * T(mins[j]);
    }
  }
};

template <class T>
void decodeInteger(const Format &format, const std::byte *in, int64_t n,
                   T *out) {
  int count = format.blockElements;
  int sub = format.subElements ? format.subElements : count;
  bool hasMin = format.min.type != ScaleType::None;
  bool isSigned = format.encoding == Encoding::Signed;
  int zero = isSigned ? 1 << (format.elementBits - 1) : format.zero;
  // Flipping the sign bit turns two's complement into an offset.
  uint8_t flip = isSigned ? uint8_t(zero) : 0;
  uint8_t codes[maxBlock];
  for (int64_t i = 0; i < n; i += count, in += format.blockBytes) {
    gather(format.codes, in, count, codes);
    Factors<T> factors(format, in, count / sub);
    for (int j = 0; j * sub < count; ++j) {
      T scale = factors.scale[j], min = factors.min[j];
      const uint8_t *code = codes + j * sub;
      T *to = out + i + j * sub;
      if (hasMin)
        for (int l = 0; l < sub; ++l)
          to[l] = scale * T(int(code[l] ^ flip) - zero) - min;
      else
        for (int l = 0; l < sub; ++l)
          to[l] = scale * T(int(code[l] ^ flip) - zero);
    }
  }
}

template <class T>
void decodeFloat(const Format &format, const std::byte *in, int64_t n, T *out) {
  int exponent = format.exponentBits, mantissa = format.mantissaBits;
  if (format.blockBytes == 4)
    for (int64_t i = 0; i < n; ++i)
      out[i] = load<float>(in + 4 * i);
  else if (exponent == 8)
    for (int64_t i = 0; i < n; ++i)
      out[i] = std::bit_cast<float>(uint32_t(load<uint16_t>(in + 2 * i)) << 16);
  else
    for (int64_t i = 0; i < n; ++i)
      out[i] = widen(load<uint16_t>(in + 2 * i), exponent, mantissa);
}

template <class T>
void decode(const Format &format, const std::byte *in, int64_t n, T *out) {
  if (format.encoding == Encoding::Float)
    decodeFloat(format, in, n, out);
  else
    decodeInteger(format, in, n, out);
}

} // namespace

void mica::decodeRow(const Format &format, const std::byte *in, int64_t n,
                     float *out) {
  decode(format, in, n, out);
}

void mica::decodeRow(const Format &format, const std::byte *in, int64_t n,
                     double *out) {
  decode(format, in, n, out);
}
