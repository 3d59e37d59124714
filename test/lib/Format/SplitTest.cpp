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

/// All of blocks: the table's, and groups of every width.
std::vector<const Format *> blockFormats() {
  std::vector<const Format *> result;
  for (const Format &format : formatTable())
    if (format.isBlocks())
      result.push_back(&format);
  for (int bits = 1; bits <= 8; ++bits)
    for (int group : {4, 20, 48, 128, 4096})
      for (bool min : {false, true})
        result.push_back(groupFormat(bits, group, min));
  return result;
}

TEST(Split, formula_gives_the_decoded_values) {
  for (const Format *each : blockFormats()) {
    const Format &format = *each;
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
  for (const Format *each : blockFormats()) {
    const Format &format = *each;
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

// Seven bits in fields of 4, 2 and 1 after a scale and a minimum.
TEST(Group, seven_bits_48_elements_with_minimum) {
  const Format *format = findFormat("W7G48M");
  ASSERT_TRUE(format);
  EXPECT_EQ(format, groupFormat(7, 48, true));
  EXPECT_EQ(format->name, "w7g48m");
  EXPECT_EQ(format->blockBytes, 2 + 2 + 48 * 7 / 8);
  std::vector<uint8_t> codes(48);
  for (int i = 0; i < 48; ++i)
    codes[i] = (i * 37 + 5) & 127;
  float scale = 0.25f, min = -3, out[48];
  std::vector<std::byte> row(format->rowBytes(48));
  joinRow(*format, {codes.data(), &scale, &min}, 48, row.data());
  decodeRow(*format, row.data(), 48, out);
  for (int i = 0; i < 48; ++i)
    EXPECT_EQ(out[i], 0.25f * codes[i] + 3) << i;
}

TEST(Group, centres) {
  EXPECT_EQ(groupFormat(4, 128, false)->zero, 8);
  EXPECT_EQ(groupFormat(4, 128, true)->zero, 0);
  uint8_t codes[] = {0, 1, 1, 0};
  float scale = 2, out[4];
  std::byte row[3];
  joinRow(*findFormat("w1g4"), {codes, &scale}, 4, row);
  decodeRow(*findFormat("w1g4"), row, 4, out);
  EXPECT_EQ(std::vector<float>(out, out + 4),
            (std::vector<float>{-2, 2, 2, -2}));
}

TEST(Group, names) {
  EXPECT_EQ(findFormat("w4g128")->name, "w4g128");
  EXPECT_EQ(findFormat("w4g128"), groupFormat(4, 128, false));
  for (const char *name : {"w", "w4", "w0g32", "w9g32", "w4g2", "w4g30",
                           "w4g4100", "w4g32x", "w4g32mm", "g32w4", "w4g-32"})
    EXPECT_FALSE(findFormat(name)) << name;
}

} // namespace
