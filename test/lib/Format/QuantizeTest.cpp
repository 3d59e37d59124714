//===- QuantizeTest.cpp - Rows of numbers encoded -------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <numbers>
#include <random>
#include <string>
#include <vector>

using namespace mica;

namespace {

std::string hex(const std::vector<std::byte> &bytes) {
  std::string result;
  for (std::byte byte : bytes)
    for (int digit : {int(byte) >> 4, int(byte) & 15})
      result += "0123456789abcdef"[digit];
  return result;
}

std::vector<std::byte> quantize(const Format &format,
                                const std::vector<float> &row) {
  std::vector<std::byte> bytes(format.rowBytes(row.size()));
  quantizeRow(format, row.data(), row.size(), bytes.data());
  return bytes;
}

TEST(Quantize, golden_rows_bit_for_bit) {
  std::ifstream file(MICA_FORMAT_QUANTIZED);
  std::string name, digits;
  std::vector<float> row;
  int count = 0;
  while (file >> name >> digits) {
    if (name == "row") {
      row.clear();
      for (size_t i = 0; i < digits.size(); i += 8)
        row.push_back(std::bit_cast<float>(
            uint32_t(std::stoul(digits.substr(i, 8), nullptr, 16))));
      continue;
    }
    const Format *format = findFormat(name);
    ASSERT_TRUE(format && canQuantize(*format)) << name;
    EXPECT_EQ(hex(quantize(*format, row)), digits) << name << " " << count;
    ++count;
  }
  EXPECT_EQ(count, 11 * 10);
}

/// Numbers of the normal distribution; with `tails`, of Student's t with three
/// degrees of freedom, whose outliers are as those of real weights or worse.
std::vector<float> randomRow(int n, bool tails) {
  std::mt19937 random(1);
  auto normal = [&] {
    double a = (random() + 0.5) / 0x1p32, b = (random() + 0.5) / 0x1p32;
    return std::sqrt(-2 * std::log(a)) * std::cos(2 * std::numbers::pi * b);
  };
  std::vector<float> row(n);
  for (float &x : row) {
    double value = normal(), square = 0;
    for (int i = 0; tails && i < 3; ++i)
      square += std::pow(normal(), 2) / 3;
    x = float(tails ? value / std::sqrt(square) : value);
  }
  return row;
}

std::vector<float> decoded(const Format &format,
                           const std::vector<float> &row) {
  std::vector<float> out(row.size());
  decodeRow(format, quantize(format, row).data(), row.size(), out.data());
  return out;
}

/// The sum of squared differences over that of squares.
double errorOf(const std::vector<float> &row, const std::vector<float> &out) {
  double error = 0, square = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    error += std::pow(double(row[i]) - out[i], 2);
    square += std::pow(double(row[i]), 2);
  }
  return error / square;
}

// The errors of ggml_quantize_chunk, without importances, on the same rows
// (llama-cpp-python 0.3.36).
TEST(Quantize, search_finds_less_error_than_ggml) {
  struct {
    const char *name;
    double normal, tails;
  } const errors[] = {
      {"Q2_K", 8.839e-02, 1.335e-01},  {"Q3_K", 2.308e-02, 3.760e-02},
      {"Q4_K", 5.142e-03, 8.328e-03},  {"Q5_K", 1.327e-03, 2.147e-03},
      {"Q6_K", 3.158e-04, 5.868e-04},  {"IQ4_NL", 5.850e-03, 9.776e-03},
      {"IQ4_XS", 5.937e-03, 1.001e-02}};
  std::vector<float> normal = randomRow(1 << 14, false);
  std::vector<float> tails = randomRow(1 << 14, true);
  for (auto [name, ofNormal, ofTails] : errors) {
    const Format &format = *findFormat(name);
    EXPECT_LT(errorOf(normal, decoded(format, normal)), ofNormal) << name;
    EXPECT_LT(errorOf(tails, decoded(format, tails)), ofTails) << name;
  }
}

/// The error with scales, not rounded, that leave no number beyond the codes.
double plainError(const std::vector<float> &row, int bits, int group,
                  bool min) {
  std::vector<float> out(row.size());
  for (size_t i = 0; i < row.size(); ++i) {
    auto begin = row.begin() + i / group * group;
    auto [low, high] = std::minmax_element(begin, begin + group);
    float most = std::max(*high, -*low), from = min ? *low : 0;
    float scale = min ? (*high - *low) / ((1 << bits) - 1)
                      : most / std::max((1 << (bits - 1)) - 1, 1);
    bool isSign = bits == 1 && !min;
    out[i] = isSign ? std::copysign(most, row[i])
                    : from + scale * std::round((row[i] - from) / scale);
  }
  return errorOf(row, out);
}

TEST(Quantize, groups_of_every_width) {
  for (bool tails : {false, true})
    for (int bits = 1; bits <= 8; ++bits)
      for (int group : {4, 20, 48, 128, 4096})
        for (bool min : {false, true}) {
          const Format &format = *groupFormat(bits, group, min);
          ASSERT_TRUE(canQuantize(format));
          int n = std::max(group, 1024) / group * group;
          std::vector<float> row = randomRow(n, tails);
          EXPECT_LT(errorOf(row, decoded(format, row)),
                    1.005 * plainError(row, bits, group, min))
              << format.name;
        }
}

TEST(Quantize, scales_of_other_types) {
  std::vector<float> row = randomRow(1024, true);
  double error = errorOf(row, decoded(*findFormat("w4g128"), row));
  EXPECT_LT(errorOf(row, decoded(*findFormat("w4g128-f32"), row)),
            1.001 * error);
  EXPECT_LT(errorOf(row, decoded(*findFormat("w4g128-bf16"), row)),
            1.01 * error);
}

// They are read from checkpoints only.
TEST(Quantize, not_written) {
  for (const char *name : {"w4g128z", "nf4g64", "e4m3g128", "F8_E4M3"})
    EXPECT_FALSE(canQuantize(*findFormat(name))) << name;
}

TEST(Quantize, one_bit_is_a_sign) {
  std::vector<float> row = {-2, 2, 2, -2, 1, 3, -1, -3};
  EXPECT_EQ(decoded(*findFormat("w1g8"), row),
            (std::vector<float>{-2, 2, 2, -2, 2, 2, -2, -2}));
}

std::vector<const Format *> searchedFormats() {
  std::vector<const Format *> result;
  for (const char *name :
       {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "w1g32",
        "w2g64m", "w4g128", "w8g256", "w8g256m", "w4g128-bf16", "w4g128m-f32"})
    result.push_back(findFormat(name));
  return result;
}

TEST(Quantize, zeros_stay) {
  std::vector<float> zeros(512);
  for (const Format *format : searchedFormats())
    EXPECT_EQ(decoded(*format, zeros), zeros) << format->name;
}

// Scales beyond f16 stop at its ends; what is not finite counts as 0.
TEST(Quantize, extremes_stay_finite) {
  std::vector<float> normal = randomRow(512, false);
  for (const Format *format : searchedFormats())
    for (float factor : {1e-44f, 1e-38f, 1e-8f, 1e5f, 1e10f, 1e37f}) {
      std::vector<float> row = normal;
      for (float &x : row)
        x *= factor;
      row[5] = INFINITY;
      row[77] = NAN;
      for (float x : decoded(*format, row))
        ASSERT_TRUE(std::isfinite(x)) << format->name << " " << factor;
    }
}

// One element a thousand times the others takes a group, not the block.
TEST(Quantize, outlier) {
  std::vector<float> row = randomRow(256, false);
  row[100] = 1000;
  for (const char *name : {"Q4_K", "Q5_K", "Q6_K"}) {
    std::vector<float> out = decoded(*findFormat(name), row);
    EXPECT_NEAR(out[100], 1000, 20) << name;
  }
}

} // namespace
