//===- Join.cpp - Rows of integers put together ---------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/BitFields.h"

#include <cmath>

using namespace mica;

/// Writes a field's trits. The digits are first summed up as a number below
/// 3^5 = 243, then this is made a fraction of 256, rounded up.
static void scatterTrits(const BitField &field, const uint8_t *codes, int end,
                         std::byte *bytes) {
  for (int i = field.begin; i < end; bytes += field.groupBytes) {
    for (int l = 0; l < field.run; ++l) {
      unsigned number = 0;
      for (int s = 0; s < 5; ++s)
        number =
            3 * number + (s < field.slots ? codes[i + s * field.run + l] : 0);
      bytes[l] = std::byte((number * 256 + 242) / 243);
    }
    i += field.slots * field.run;
  }
}

/// Writes a field's bits of the `count` codes of a block, which begins as
/// zeros.
static void scatterField(const BitField &field, const uint8_t *codes, int count,
                         std::byte *block) {
  std::byte *bytes = block + field.offset;
  int end = field.end ? field.end : count;
  if (field.trits)
    return scatterTrits(field, codes, end, bytes);
  unsigned mask = (1u << field.bits) - 1;
  for (int i = field.begin; i < end; bytes += field.groupBytes)
    for (int s = 0; s < field.slots && i < end; ++s, i += field.run) {
      std::byte *to = bytes + s * field.slotBytes;
      int up = field.firstBit + s * field.slotBits;
      for (int l = 0; l < field.run; ++l)
        to[l] |= std::byte((codes[i + l] >> field.codeShift & mask) << up);
    }
}

static void scatter(std::span<const BitField> fields, const uint8_t *codes,
                    int count, std::byte *block) {
  for (const BitField &field : fields)
    scatterField(field, codes, count, block);
}

/// Writes `count` second-level factors.
static void scatterFactors(std::span<const BitField> fields, int zero,
                           const int8_t *factors, int count, std::byte *block) {
  if (fields.empty())
    return;
  uint8_t stored[maxSubs];
  for (int j = 0; j < count; ++j)
    stored[j] = factors[j] + zero;
  scatter(fields, stored, count, block);
}

static void writeScale(Scale scale, float value, std::byte *block) {
  std::byte *to = block + scale.offset;
  float stored = scale.negated ? -value : value;
  switch (scale.type) {
  case ScaleType::None:
    return;
  case ScaleType::F16: {
    auto half = uint16_t(narrow(stored, 5, 10));
    std::memcpy(to, &half, sizeof(half));
    return;
  }
  case ScaleType::BF16: {
    auto brain = uint16_t(narrow(stored, 8, 7));
    std::memcpy(to, &brain, sizeof(brain));
    return;
  }
  case ScaleType::F32:
    std::memcpy(to, &stored, sizeof(stored));
    return;
  case ScaleType::E8M0Half:
    *to = std::byte(std::clamp(std::ilogb(stored), -128, 127) + 128);
  }
}

void mica::joinRow(const Format &format, const BlockRow &in, int64_t n,
                   std::byte *out) {
  int count = format.blockElements, subs = count / format.group();
  uint8_t flip = signFlip(format), codes[maxBlock];
  for (int64_t b = 0; b < n / count; ++b, out += format.blockBytes) {
    for (int i = 0; i < count; ++i)
      codes[i] = in.codes[b * count + i] ^ flip;
    std::memset(out, 0, format.blockBytes);
    scatter(format.codes, codes, count, out);
    writeScale(format.scale, in.scales[b], out);
    if (format.min.type != ScaleType::None)
      writeScale(format.min, in.mins[b], out);
    scatterFactors(format.subScales, format.subZero, in.subScales + b * subs,
                   subs, out);
    scatterFactors(format.subMins, 0, in.subMins + b * subs, subs, out);
  }
}
