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

namespace {

/// A format and what it points to.
struct GroupFormat {
  std::string name;
  std::vector<BitField> codes;
  Format format;
};

} // namespace

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

static GroupFormat makeGroupFormat(int bits, int group, bool min) {
  GroupFormat result;
  result.name = "w" + std::to_string(bits) + "g" + std::to_string(group) +
                (min ? "m" : "");
  int bytes = min ? 4 : 2, shift = 0;
  for (int width : {8, 4, 2, 1})
    if (bits & width) {
      result.codes.push_back(groupField(bytes, width, shift, group));
      bytes += (group * width + 7) / 8;
      shift += width;
    }
  Format &format = result.format;
  format.elementBits = bits;
  format.zero = min || bits == 1 ? 0 : 1 << (bits - 1);
  format.blockElements = group;
  format.blockBytes = bytes;
  if (bits == 1 && !min)
    format.values = signs;
  format.scale = {ScaleType::F16, 0};
  if (min)
    format.min = {ScaleType::F16, 2};
  return result;
}

const Format *mica::groupFormat(int bits, int group, bool min) {
  if (bits < 1 || bits > 8 || group < 4 || group > 4096 || group % 4 != 0)
    return nullptr;
  static std::mutex mutex;
  static std::map<std::tuple<int, int, bool>, GroupFormat> formats;
  std::lock_guard lock(mutex);
  auto [place, isNew] = formats.try_emplace({bits, group, min});
  GroupFormat &made = place->second;
  if (isNew) {
    made = makeGroupFormat(bits, group, min);
    made.format.name = made.name;
    made.format.codes = made.codes;
  }
  return &made.format;
}
