//===- QuantizeTest.cpp - Rows of numbers encoded -------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Quantize.h"

#include <bit>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
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

} // namespace
