//===- Split.cpp - Rows of integers taken apart ---------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/BitFields.h"

using namespace mica;

MICA_INLINE void split(const Format &format, const std::byte *in, int64_t n,
                       const BlockRow &out) {
  int count = format.blockElements, subs = count / format.group();
  uint8_t flip = signFlip(format);
  bool hasMin = format.min.type != ScaleType::None;
  for (int64_t b = 0; b < n / count; ++b, in += format.blockBytes) {
    uint8_t *codes = out.codes + b * count;
    gather(format.codes, in, count, codes);
    for (int i = 0; flip && i < count; ++i)
      codes[i] ^= flip;
    out.scales[b] = readScale(format.scale, in, 1);
    if (hasMin)
      out.mins[b] = readScale(format.min, in, 0);
    gatherFactors(format.subScales, format.subZero, in, subs,
                  out.subScales + b * subs);
    gatherFactors(format.subMins, 0, in, subs, out.subMins + b * subs);
  }
}

void mica::splitRow(const Format &format, const std::byte *in, int64_t n,
                    const BlockRow &out) {
  forHost<split>(format, in, n, out);
}
