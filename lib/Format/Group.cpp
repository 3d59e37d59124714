//===- Group.cpp - Formats of plain groups --------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

using namespace mica;

static constexpr int8_t signs[] = {-1, 1};

// As bitsandbytes has them, in f32.
static constexpr float nf4[] = {-1,
                                -0.6961928009986877f,
                                -0.5250730514526367f,
                                -0.39491748809814453f,
                                -0.28444138169288635f,
                                -0.18477343022823334f,
                                -0.09105003625154495f,
                                0,
                                0.07958029955625534f,
                                0.16093020141124725f,
                                0.24611230194568634f,
                                0.33791524171829224f,
                                0.44070982933044434f,
                                0.5626170039176941f,
                                0.7229568362236023f,
                                1};

std::span<const float> mica::nf4Values() { return nf4; }

namespace {

/// A format and what it points to.
struct GroupFormat {
  std::string name;
  std::vector<BitField> codes, zeros;
  Format format;
};

} // namespace

static int scaleBytes(ScaleType type) { return type == ScaleType::F32 ? 4 : 2; }

static int bitsOf(const GroupKind &kind) {
  return kind.codes == GroupCodes::Integer ? kind.bits
         : kind.codes == GroupCodes::NF4   ? 4
                                           : 8;
}

static std::string nameOf(const GroupKind &kind) {
  std::string codes = kind.codes == GroupCodes::NF4 ? "nf4"
                      : kind.codes == GroupCodes::E4M3
                          ? "e4m3"
                          : "w" + std::to_string(kind.bits);
  return codes + "g" + std::to_string(kind.size) + (kind.min ? "m" : "") +
         (kind.zeros ? "z" : "") +
         (kind.scale == ScaleType::BF16  ? "-bf16"
          : kind.scale == ScaleType::F32 ? "-f32"
                                         : "");
}

/// Codes of 8, 4, 2 or 1 bits, of which a byte holds those that lie a fraction
/// of the group apart, or eight neighbours where that is no whole number.
static BitField groupField(int offset, int bits, int shift, int group) {
  int slots = 8 / bits, run = group % slots == 0 ? group / slots : 1;
  return {.offset = uint16_t(offset),
          .bits = uint8_t(bits),
          .codeShift = uint8_t(shift),
          .run = uint16_t(run),
          .slots = uint8_t(slots),
          .groupBytes = uint16_t(run),
          .slotBits = uint8_t(bits)};
}

/// What the codes of `kind` mean.
static void setCodes(const GroupKind &kind, Format &format) {
  int bits = format.elementBits = bitsOf(kind);
  bool plain = !kind.min && !kind.zeros;
  if (kind.codes == GroupCodes::NF4) {
    format.floatValues = nf4;
  } else if (kind.codes == GroupCodes::E4M3) {
    format.encoding = Encoding::Float;
    format.exponentBits = 4;
    format.mantissaBits = 3;
    format.finite = true;
  } else if (bits == 1 && plain) {
    format.values = signs;
  } else if (plain || (kind.zeros && bits == 8)) {
    format.zero = 1 << (bits - 1);
  }
}

/// A block has its scale, its minimum and its zero point first.
static GroupFormat makeGroupFormat(const GroupKind &kind) {
  GroupFormat result;
  result.name = nameOf(kind);
  Format &format = result.format;
  setCodes(kind, format);
  format.blockElements = kind.size;
  int bytes = scaleBytes(kind.scale), shift = 0;
  format.scale = {kind.scale, 0};
  if (kind.min) {
    format.min = {kind.scale, uint16_t(bytes)};
    bytes *= 2;
  }
  if (kind.zeros) {
    result.zeros = {{.offset = uint16_t(bytes), .bits = 8, .groupBytes = 1}};
    format.zeros = true;
    ++bytes;
  }
  for (int width : {8, 4, 2, 1})
    if (format.elementBits & width) {
      result.codes.push_back(groupField(bytes, width, shift, kind.size));
      bytes += (kind.size * width + 7) / 8;
      shift += width;
    }
  format.blockBytes = bytes;
  return result;
}

static bool isValid(const GroupKind &kind) {
  bool isInteger = kind.codes == GroupCodes::Integer;
  if (kind.size < 4 || kind.size > 4096 || kind.size % 4 != 0)
    return false;
  if (kind.min && kind.zeros)
    return false;
  if (kind.scale != ScaleType::F16 && kind.scale != ScaleType::BF16 &&
      kind.scale != ScaleType::F32)
    return false;
  return isInteger ? kind.bits >= 1 && kind.bits <= 8
                   : !kind.min && !kind.zeros;
}

const Format *mica::groupFormat(const GroupKind &kind) {
  if (kind.codes == GroupCodes::E2M1)
    return kind.size == 32 && kind.scale == ScaleType::E8M0Half
               ? findFormat("MXFP4")
               : nullptr;
  if (!isValid(kind))
    return nullptr;
  static std::mutex mutex;
  static std::map<std::string, GroupFormat> formats;
  std::lock_guard lock(mutex);
  auto [place, isNew] = formats.try_emplace(nameOf(kind));
  GroupFormat &made = place->second;
  if (isNew) {
    made = makeGroupFormat(kind);
    made.format.name = made.name;
    made.format.codes = made.codes;
    made.format.subMins = made.zeros;
  }
  return &made.format;
}

const Format *mica::groupFormat(int bits, int group, bool min) {
  return groupFormat({.bits = bits, .size = group, .min = min});
}
