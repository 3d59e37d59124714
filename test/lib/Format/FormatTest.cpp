//===- FormatTest.cpp - Decoding by description ---------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

using namespace mica;

namespace {

struct Golden {
  std::string format;
  std::vector<std::byte> block;
  std::vector<uint32_t> bits; ///< of the elements
};

std::vector<Golden> readGolden() {
  std::ifstream file(MICA_FORMAT_GOLDEN);
  std::vector<Golden> result;
  std::string name, block, values;
  while (file >> name >> block >> values) {
    Golden golden{name, {}, {}};
    for (size_t i = 0; i < block.size(); i += 2)
      golden.block.push_back(
          std::byte(std::stoul(block.substr(i, 2), nullptr, 16)));
    for (size_t i = 0; i < values.size(); i += 8)
      golden.bits.push_back(std::stoul(values.substr(i, 8), nullptr, 16));
    result.push_back(std::move(golden));
  }
  return result;
}

TEST(Format, golden_blocks_bit_for_bit) {
  std::set<std::string> seen;
  for (const Golden &golden : readGolden()) {
    seen.insert(golden.format);
    const Format *format = findFormat(golden.format);
    ASSERT_TRUE(format) << golden.format;
    int64_t n = golden.bits.size();
    ASSERT_EQ(format->rowBytes(n), int64_t(golden.block.size()));
    std::vector<float> out(n);
    decodeRow(*format, golden.block.data(), n, out.data());
    for (int64_t i = 0; i < n; ++i)
      EXPECT_EQ(std::bit_cast<uint32_t>(out[i]), golden.bits[i])
          << golden.format << " element " << i;
  }
  for (const Format &format : formatTable())
    EXPECT_EQ(seen.count(std::string(format.name)), format.ggufType >= 0)
        << format.name;
}

// In f64 the same operations are exact, so rounding them gives the f32 results
// of formats with one product.
TEST(Format, double_rounds_to_float) {
  for (const Golden &golden : readGolden()) {
    const Format *format = findFormat(golden.format);
    int64_t n = golden.bits.size();
    std::vector<double> exact(n);
    decodeRow(*format, golden.block.data(), n, exact.data());
    for (int64_t i = 0; i < n; ++i) {
      float wanted = std::bit_cast<float>(golden.bits[i]);
      if (std::isinf(wanted))
        EXPECT_EQ(exact[i], wanted);
      else
        EXPECT_NEAR(exact[i], wanted, 4e-7 * (std::abs(wanted) + 10));
      if (format->subElements == 0 && format->min.type == ScaleType::None)
        EXPECT_EQ(float(exact[i]), wanted);
    }
  }
}

TEST(Format, many_blocks_at_any_alignment) {
  for (const Golden &golden : readGolden()) {
    const Format *format = findFormat(golden.format);
    size_t size = golden.block.size();
    std::vector<std::byte> bytes(1 + 3 * size);
    for (int copy = 0; copy < 3; ++copy)
      std::memcpy(bytes.data() + 1 + copy * size, golden.block.data(), size);
    int64_t n = golden.bits.size();
    std::vector<float> out(3 * n);
    decodeRow(*format, bytes.data() + 1, 3 * n, out.data());
    for (int64_t i = 0; i < 3 * n; ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), golden.bits[i % n])
          << golden.format << " element " << i;
  }
}

TEST(Format, lookup) {
  EXPECT_EQ(findGGUFFormat(12)->name, "Q4_K");
  EXPECT_EQ(findGGUFFormat(30)->name, "BF16");
  EXPECT_FALSE(findGGUFFormat(31));
  EXPECT_EQ(findSafetensorsFormat("F16")->name, "F16");
  EXPECT_FALSE(findSafetensorsFormat(""));
  EXPECT_EQ(findFormat("q4_k"), findFormat("Q4_K"));
  EXPECT_FALSE(findFormat("Q9_9"));
  EXPECT_FALSE(findFormat(""));
}

/// Every f16 number against its value by definition.
TEST(Format, all_halves) {
  std::vector<uint16_t> halves(1 << 16);
  for (size_t i = 0; i < halves.size(); ++i)
    halves[i] = i;
  std::vector<float> out(halves.size());
  decodeRow(*findFormat("F16"),
            reinterpret_cast<const std::byte *>(halves.data()), halves.size(),
            out.data());
  for (int i = 0; i < 1 << 16; ++i) {
    int exponent = i >> 10 & 31, mantissa = i & 1023;
    if (exponent == 31) {
      EXPECT_TRUE(mantissa ? std::isnan(out[i]) : std::isinf(out[i])) << i;
    } else {
      double value = exponent ? std::ldexp(1024 + mantissa, exponent - 25)
                              : std::ldexp(mantissa, -24);
      ASSERT_EQ(std::abs(out[i]), value) << i;
    }
    ASSERT_EQ(std::signbit(out[i]), i >> 15 != 0) << i;
  }
}

/// Every number of 8 bits against its value by definition. The ones of E4M3
/// have no infinities.
TEST(Format, all_bytes) {
  std::vector<std::byte> bytes(256);
  for (int i = 0; i < 256; ++i)
    bytes[i] = std::byte(i);
  for (int mantissaBits : {3, 2}) {
    const Format *format =
        findSafetensorsFormat(mantissaBits == 3 ? "F8_E4M3" : "F8_E5M2");
    float out[256];
    decodeRow(*format, bytes.data(), 256, out);
    for (int i = 0; i < 256; ++i) {
      int ones = (1 << mantissaBits) - 1, mantissa = i & ones;
      int exponent = (i & 127) >> mantissaBits,
          bias = mantissaBits == 3 ? 7 : 15;
      bool special = mantissaBits == 3 ? (i & 127) == 127 : exponent == 31;
      double value = std::ldexp(exponent ? ones + 1 + mantissa : mantissa,
                                std::max(exponent, 1) - bias - mantissaBits);
      if (!special)
        EXPECT_EQ(std::abs(out[i]), value) << i;
      else if (mantissa)
        EXPECT_TRUE(std::isnan(out[i])) << i;
      else
        EXPECT_TRUE(std::isinf(out[i])) << i;
      EXPECT_EQ(std::signbit(out[i]), i >= 128) << i;
    }
  }
}

// A format that no table has: 12 elements of 3 bits in two fields (two bits in
// runs of 3, one bit in runs of 6), signed, f32 scale and minimum.
TEST(Format, made_up_description) {
  static const BitField fields[] = {
      {.offset = 8, .bits = 2, .run = 3, .slots = 4, .slotBits = 2},
      {.offset = 11,
       .bits = 1,
       .codeShift = 2,
       .run = 6,
       .slots = 2,
       .slotBits = 1,
       .firstBit = 3}};
  Format format{.name = "made up",
                .elementBits = 3,
                .encoding = Encoding::Signed,
                .blockElements = 12,
                .blockBytes = 17,
                .codes = fields,
                .scale = {ScaleType::F32, 0},
                .min = {ScaleType::F32, 4}};
  std::vector<std::byte> block(17);
  float scale = 0.5f, min = 3;
  std::memcpy(block.data(), &scale, 4);
  std::memcpy(block.data() + 4, &min, 4);
  auto put = [&](int byte, int bit, int value) {
    block[byte] |= std::byte(value << bit);
  };
  for (int i = 0; i < 12; ++i) {
    int code = (i * 5 + 1) & 7;
    put(8 + i % 3, 2 * (i / 3), code & 3);
    put(11 + i % 6, 3 + i / 6, code >> 2);
  }
  float out[12];
  decodeRow(format, block.data(), 12, out);
  for (int i = 0; i < 12; ++i) {
    int code = (i * 5 + 1) & 7;
    EXPECT_EQ(out[i], 0.5f * float(code < 4 ? code : code - 8) - 3) << i;
  }
}

// A 16-bit float of an unusual shape through the general path.
TEST(Format, made_up_float) {
  static const BitField whole[] = {{.bits = 16, .groupBytes = 2}};
  Format format{.name = "e6m9",
                .elementBits = 16,
                .encoding = Encoding::Float,
                .exponentBits = 6,
                .mantissaBits = 9,
                .blockBytes = 2,
                .codes = whole};
  uint16_t codes[] = {0x0000,        0x0001,           31 << 9,
                      31 << 9 | 256, 0x8000 | 33 << 9, 63 << 9};
  float wanted[] = {0,  std::ldexp(1.f, -39),
                    1,  1.5f,
                    -4, std::numeric_limits<float>::infinity()};
  float out[6];
  decodeRow(format, reinterpret_cast<const std::byte *>(codes), 6, out);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(out[i], wanted[i]) << i;
}

} // namespace
