//===- SplitTest.cpp - Rows of integers taken apart -----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"
#include "test/lib/Format/Meaning.h"

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
    double value = mica::test::meaningOf(format, codes[i]);
    if (format.zeros)
      value -= subMins[group];
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
  for (const char *name :
       {"w4g128z", "w8g32z-bf16", "w1g20z-f32", "w3g48-bf16", "w5g64m-bf16",
        "w8g128-f32", "nf4g64-f32", "nf4g4096", "e4m3g64-f32", "e4m3g20"})
    result.push_back(findFormat(name));
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

// A scale, a zero point less 128, and the codes.
TEST(Group, zero_points) {
  uint8_t bytes[] = {0, 0, 0, 63, uint8_t(200 - 128), 0, 128, 200, 255};
  float out[4];
  decodeRow(*findFormat("w8g4z-f32"), reinterpret_cast<std::byte *>(bytes), 4,
            out);
  EXPECT_EQ(std::vector<float>(out, out + 4),
            (std::vector<float>{-100, -36, 0, 27.5}));
  EXPECT_EQ(findFormat("w8g4z-f32")->zero, 128);
  EXPECT_EQ(findFormat("w4g32z")->zero, 0);
}

// A bf16 scale of 2 and the codes: 1, 448, NaN, and the least number.
TEST(Group, floats_of_8_bits) {
  uint8_t bytes[] = {0, 0x40, 0x38, 0x7e, 0x7f, 0x81};
  float out[4];
  decodeRow(*findFormat("e4m3g4-bf16"), reinterpret_cast<std::byte *>(bytes), 4,
            out);
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 896);
  EXPECT_TRUE(std::isnan(out[2]));
  EXPECT_EQ(out[3], -0x1p-8f);
  EXPECT_TRUE(findFormat("e4m3g4")->isBlocks());
  EXPECT_FALSE(findFormat("F8_E4M3")->isBlocks());
}

TEST(Group, names) {
  EXPECT_EQ(findFormat("w4g128")->name, "w4g128");
  EXPECT_EQ(findFormat("w4g128"), groupFormat(4, 128, false));
  for (const char *name :
       {"w4g128z-bf16", "w8g64m-f32", "nf4g64", "e4m3g128-f32"})
    EXPECT_EQ(findFormat(name)->name, name);
  GroupKind mxfp4{.codes = GroupCodes::E2M1, .size = 32};
  EXPECT_FALSE(groupFormat(mxfp4));
  mxfp4.scale = ScaleType::E8M0Half;
  EXPECT_EQ(groupFormat(mxfp4)->name, "MXFP4");
  for (const char *name :
       {"w4g32mz", "w4g32zm", "nf4g64z", "e4m3g64m", "w4nf4g4", "w4g32-f16",
        "w4g32-", "nf4", "w", "w4", "w0g32", "w9g32", "w4g2", "w4g30",
        "w4g4100", "w4g32x", "w4g32mm", "g32w4", "w4g-32"})
    EXPECT_FALSE(findFormat(name)) << name;
}

} // namespace
