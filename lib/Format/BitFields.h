//===- BitFields.h - Bit fields out of blocks -------------------*- C++ -*-===//
//
// What the routines of Format.h share: bit fields and scales as a format
// describes them. Private to lib/Format.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_FORMAT_BITFIELDS_H
#define LIB_FORMAT_BITFIELDS_H

#include "lib/Format/Format.h"

#include <algorithm>
#include <bit>
#include <cstring>

// Everything below `forHost` becomes part of each of its versions.
#define MICA_INLINE [[gnu::always_inline]] static inline

namespace mica {

constexpr int maxBlock = 4096; ///< elements of a block of integers
constexpr int maxSubs = 16;    ///< sub-blocks of a block

static_assert(std::endian::native == std::endian::little,
              "blocks hold little-endian numbers");

template <class T> MICA_INLINE T load(const std::byte *in) {
  T value;
  std::memcpy(&value, in, sizeof(T));
  return value;
}

/// An IEEE-like number of `exponentBits` and `mantissaBits` (8 and 23 at most)
/// as f32: shift exponent and mantissa into f32's place and correct the bias,
/// twice for infinities and NaNs. A subnormal number is the mantissa of a
/// normal one from which the implicit bit is subtracted; exact, and no operand
/// is subnormal, which would be slow. Of `finite` numbers (see Format) the
/// greatest exponent is one like others.
MICA_INLINE float widen(uint32_t bits, int exponentBits, int mantissaBits,
                        bool finite = false) {
  uint32_t magnitude = (bits & ((1u << (exponentBits + mantissaBits)) - 1))
                       << (23 - mantissaBits);
  uint32_t sign = (bits >> (exponentBits + mantissaBits)) << 31;
  uint32_t ones = ((1u << exponentBits) - 1) << 23;
  uint32_t excess = (128u - (1u << (exponentBits - 1))) << 23;
  uint32_t exponent = magnitude & ones, implicit = excess + (1u << 23);
  uint32_t most = (1u << (exponentBits + mantissaBits)) - 1;
  bool special = finite ? (bits & most) == most : exponent == ones;
  uint32_t normal = magnitude + excess + (special ? excess : 0);
  uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude + implicit) -
                              std::bit_cast<float>(implicit));
  return std::bit_cast<float>((exponent ? normal : subnormal) | sign);
}

/// The inverse: the nearest such number, of two the even one. Adding a power of
/// two whose last place is the smallest subnormal's rounds to a subnormal.
MICA_INLINE uint32_t narrow(float value, int exponentBits, int mantissaBits) {
  int drop = 23 - mantissaBits;
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits << 1 >> 1;
  uint32_t sign = bits >> 31 << (exponentBits + mantissaBits);
  uint32_t infinity = ((1u << exponentBits) - 1) << mantissaBits;
  if (magnitude > 0x7f800000) // NaN: made quiet, the payload cut
    return sign | infinity | (magnitude & 0x7fffff) >> drop |
           1u << (mantissaBits - 1);
  uint32_t excess = (128u - (1u << (exponentBits - 1))) << 23;
  auto round = [drop](uint32_t bits) {
    return drop ? (bits + (1u << (drop - 1)) - 1 + (bits >> drop & 1)) >> drop
                : bits;
  };
  if (excess == 0 || magnitude >= excess + (1u << 23))
    return sign | std::min(round(magnitude - excess), infinity);
  uint32_t ulp = excess + (uint32_t(drop + 1) << 23);
  return sign | (std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) +
                                         std::bit_cast<float>(ulp)) -
                 ulp);
}

MICA_INLINE float readScale(Scale scale, const std::byte *block, float none) {
  const std::byte *from = block + scale.offset;
  float sign = scale.negated ? -1 : 1;
  switch (scale.type) {
  case ScaleType::None:
    return none;
  case ScaleType::F16:
    return sign * widen(load<uint16_t>(from), 5, 10);
  case ScaleType::BF16:
    return sign * std::bit_cast<float>(uint32_t(load<uint16_t>(from)) << 16);
  case ScaleType::F32:
    return sign * load<float>(from);
  case ScaleType::E8M0Half: {
    uint32_t e = load<uint8_t>(from);
    return std::bit_cast<float>(e < 2 ? 1u << 21 << e : (e - 1) << 23);
  }
  }
  return none;
}

/// Adds the entries in `Run` bytes to as many `codes`, a word at a time: what a
/// shift moves in from the next byte is masked out.
template <int Run, class Word = uint64_t>
MICA_INLINE void gatherRun(const std::byte *from, int down, unsigned mask,
                           int up, uint8_t *codes) {
  Word masks = Word(0x0101010101010101u) * mask;
  for (int l = 0; l < Run; l += sizeof(Word)) {
    Word sum;
    std::memcpy(&sum, codes + l, sizeof(Word));
    sum |= (load<Word>(from + l) >> down & masks) << up;
    std::memcpy(codes + l, &sum, sizeof(Word));
  }
}

MICA_INLINE void gatherRun(int run, const std::byte *from, int down,
                           unsigned mask, int up, uint8_t *codes) {
  switch (run) {
  case 4:
    return gatherRun<4, uint32_t>(from, down, mask, up, codes);
  case 16:
    return gatherRun<16>(from, down, mask, up, codes);
  case 32:
    return gatherRun<32>(from, down, mask, up, codes);
  case 64:
    return gatherRun<64>(from, down, mask, up, codes);
  }
  int l = 0;
  for (; l + 8 <= run; l += 8)
    gatherRun<8>(from + l, down, mask, up, codes + l);
  for (; l < run; ++l)
    codes[l] |= (unsigned(from[l]) >> down & mask) << up;
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

/// Adds a field of trits: multiplying a byte by 3^s modulo 256 leaves the
/// digits from s upwards.
MICA_INLINE void gatherTrits(const BitField &field, const std::byte *bytes,
                             int end, uint8_t *codes) {
  for (int i = field.begin; i < end; bytes += field.groupBytes) {
    unsigned power = 1;
    for (int s = 0; s < field.slots; ++s, i += field.run, power *= 3)
      for (int l = 0; l < field.run; ++l) {
        uint16_t digits = uint8_t(unsigned(bytes[l]) * power);
        codes[i + l] |= digits * 3 >> 8;
      }
  }
}

/// Adds a field's entries to the `count` codes of a block.
MICA_INLINE void gatherField(const BitField &field, const std::byte *block,
                             int count, uint8_t *codes) {
  const std::byte *bytes = block + field.offset;
  int up = field.codeShift, end = field.end ? field.end : count;
  if (field.trits)
    return gatherTrits(field, bytes, end, codes);
  if (field.bits == 1 && field.run == 1 && field.slots == 8 &&
      field.groupBytes == 1 && field.slotBits == 1 && end % 8 == 0)
    return gatherBits(bytes, end, up, codes);
  unsigned mask = (1u << field.bits) - 1;
  for (int i = field.begin; i < end; bytes += field.groupBytes)
    for (int s = 0; s < field.slots && i < end; ++s, i += field.run)
      gatherRun(field.run, bytes + s * field.slotBytes,
                field.firstBit + s * field.slotBits, mask, up, codes + i);
}

MICA_INLINE void gather(std::span<const BitField> fields,
                        const std::byte *block, int count, uint8_t *codes) {
  std::memset(codes, 0, count);
  for (const BitField &field : fields)
    gatherField(field, block, count, codes);
}

/// The second-level factors: those of 8 bits are signed, the others small.
MICA_INLINE void gatherFactors(std::span<const BitField> fields, int zero,
                               const std::byte *block, int count, int8_t *out) {
  if (fields.empty())
    return;
  gather(fields, block, count, reinterpret_cast<uint8_t *>(out));
  for (int j = 0; j < count; ++j)
    out[j] -= zero;
}

/// What turns a stored code into an offset one: its sign bit, if it has one.
MICA_INLINE uint8_t signFlip(const Format &format) {
  return format.encoding == Encoding::Signed ? format.integerZero() : 0;
}

/// Calls `body`, which is inlined, compiled for AVX2 where the host has it. The
/// arguments are copies: stores cannot change them, so they stay in registers.
#ifdef __x86_64__
template <auto body, class... Args>
[[gnu::target("avx2")]] static void forAVX2(Args... args) {
  body(args...);
}

template <auto body, class... Args> static void forHost(Args... args) {
  static const bool hasAVX2 = __builtin_cpu_supports("avx2");
  if (hasAVX2)
    forAVX2<body>(args...);
  else
    body(args...);
}
#else
template <auto body, class... Args> static void forHost(Args... args) {
  body(args...);
}
#endif

} // namespace mica

#endif // LIB_FORMAT_BITFIELDS_H
