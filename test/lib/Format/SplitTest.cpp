//===- SplitTest.cpp - Rows of integers taken apart -----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace mica;

namespace {

struct Parts {
  std::vector<uint8_t> codes;
  std::vector<float> scales, mins;
  std::vector<int8_t> subScales, subMins;

  Parts(const Format &format, const std::vector<std::byte> &row, int64_t n)
      : codes(n), scales(n / format.blockElements), mins(scales.size()),
        subScales(n / format.group()), subMins(subScales.size()) {
    splitRow(format, row.data(), n, pointers());
  }

  BlockRow pointers() {
    return {codes.data(), scales.data(), mins.data(), subScales.data(),
            subMins.data()};
  }

  double value(const Format &format, int64_t i) const {
    int64_t block = i / format.blockElements, group = i / format.group();
    double value = format.values.empty() ? codes[i] - format.integerZero()
                                         : format.values[codes[i]];
    value *= format.subScales.empty() ? 1 : subScales[group];
    value *= scales[block];
    if (format.min.type == ScaleType::None)
      return value;
    double min = mins[block];
    return value - (format.subMins.empty() ? min : min * subMins[group]);
  }
};

std::vector<std::byte> randomRow(const Format &format, int64_t n) {
  std::mt19937 random(1);
  std::vector<std::byte> row(format.rowBytes(n));
  for (std::byte &byte : row)
    byte = std::byte(random());
  return row;
}

TEST(Split, formula_gives_the_decoded_values) {
  for (const Format &format : formatTable()) {
    if (!format.isBlocks())
      continue;
    int64_t n = 16 * format.blockElements;
    std::vector<std::byte> row = randomRow(format, n);
    std::vector<double> decoded(n);
    decodeRow(format, row.data(), n, decoded.data());
    Parts parts(format, row, n);
    for (int64_t i = 0; i < n; ++i) {
      double value = parts.value(format, i);
      if (!std::isnan(decoded[i]))
        ASSERT_EQ(value, decoded[i]) << format.name << " element " << i;
      else
        ASSERT_TRUE(std::isnan(value)) << format.name << " element " << i;
    }
  }
}

// Of 256 bytes, five trits use 243 and four 81, so a byte may come back as
// another one that means the same.
TEST(Split, join_is_the_inverse) {
  for (const Format &format : formatTable()) {
    if (!format.isBlocks())
      continue;
    int64_t n = 16 * format.blockElements;
    std::vector<std::byte> row = randomRow(format, n), joined(row.size());
    Parts parts(format, row, n);
    for (float &scale : parts.scales)
      scale = std::isnan(scale) ? 1 : scale;
    for (float &min : parts.mins)
      min = std::isnan(min) ? 1 : min;
    joinRow(format, parts.pointers(), n, joined.data());
    Parts again(format, joined, n);
    EXPECT_EQ(again.codes, parts.codes) << format.name;
    EXPECT_EQ(again.scales, parts.scales) << format.name;
    EXPECT_EQ(again.mins, parts.mins) << format.name;
    EXPECT_EQ(again.subScales, parts.subScales) << format.name;
    EXPECT_EQ(again.subMins, parts.subMins) << format.name;
  }
}

} // namespace
