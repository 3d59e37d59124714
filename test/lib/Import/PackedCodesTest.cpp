//===- PackedCodesTest.cpp - Small integers packed in a tensor ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/PackedCodes.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace mica;

namespace {

std::vector<int> read(const PackedCodes &codes, int64_t first, int64_t count) {
  std::vector<uint8_t> out(count * codes.columns);
  codes.read(first, count, out.data());
  return {out.begin(), out.end()};
}

std::span<const std::byte> bytesOf(const auto &values) {
  return std::as_bytes(std::span(values));
}

// Two columns of a word each, side by side: a row of the matrix is a column.
TEST(PackedCodes, words_along_columns) {
  std::vector<uint32_t> words = {0x76543210, 0xfedcba98};
  PackedCodes codes{.data = bytesOf(words),
                    .rows = 2,
                    .columns = 8,
                    .lineStep = 4,
                    .wordStep = 8};
  EXPECT_EQ(read(codes, 0, 2), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                                                 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(read(codes, 1, 1),
            (std::vector<int>{8, 9, 10, 11, 12, 13, 14, 15}));
}

// AWQ: a word for eight rows, of which the even ones are its low half.
TEST(PackedCodes, words_across_in_another_order) {
  const uint8_t order[] = {0, 4, 1, 5, 2, 6, 3, 7};
  std::vector<uint32_t> words = {0x75316420, 0x89abcdef};
  PackedCodes codes{.data = bytesOf(words),
                    .rows = 8,
                    .columns = 2,
                    .across = true,
                    .lineStep = 4,
                    .order = order};
  EXPECT_EQ(read(codes, 0, 8), (std::vector<int>{0, 15, 1, 11, 2, 14, 3, 10, 4,
                                                 13, 5, 9, 6, 12, 7, 8}));
  EXPECT_EQ(read(codes, 3, 2), (std::vector<int>{3, 10, 4, 13}));
}

// NF4: the high half of a byte first, and rows that begin within a byte.
TEST(PackedCodes, bytes_without_padding) {
  const uint8_t order[] = {1, 0};
  std::vector<uint8_t> bytes = {0x12, 0x34, 0x50};
  PackedCodes codes{.data = bytesOf(bytes),
                    .rows = 1,
                    .columns = 5,
                    .wordBytes = 1,
                    .wordStep = 1,
                    .order = order};
  EXPECT_EQ(read(codes, 0, 1), (std::vector<int>{1, 2, 3, 4, 5}));
  bytes = {0x12, 0x34, 0x56};
  codes.rows = 2;
  codes.columns = 3;
  codes.data = bytesOf(bytes);
  EXPECT_EQ(read(codes, 0, 2), (std::vector<int>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(read(codes, 1, 1), (std::vector<int>{4, 5, 6}));
}

// Code 10 of a line of 3 bits is in two words.
TEST(PackedCodes, codes_in_two_words) {
  std::vector<uint32_t> words = {0x80000000, 0x00000002};
  PackedCodes codes{.data = bytesOf(words),
                    .rows = 1,
                    .columns = 12,
                    .bits = 3,
                    .lineStep = 8};
  EXPECT_EQ(read(codes, 0, 1),
            (std::vector<int>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}));
}

TEST(PackedCodes, signed_bytes) {
  std::vector<int8_t> bytes = {-128, -1, 0, 127};
  PackedCodes codes{.data = bytesOf(bytes),
                    .rows = 2,
                    .columns = 2,
                    .bits = 8,
                    .wordBytes = 1,
                    .lineStep = 2,
                    .wordStep = 1,
                    .flip = 0x80};
  EXPECT_EQ(read(codes, 0, 2), (std::vector<int>{0, 127, 128, 255}));
}

/// Bit by bit what the description says.
int expected(const PackedCodes &codes, int64_t row, int64_t column) {
  int64_t line = codes.across ? column : row, j = codes.across ? row : column;
  int wordBits = 8 * codes.wordBytes, code = 0;
  for (int b = 0; b < codes.bits; ++b) {
    int64_t bit = j * codes.bits + b;
    int64_t byte = line * codes.lineStep + bit / wordBits * codes.wordStep +
                   bit % wordBits / 8;
    code |= (int(codes.data[byte]) >> bit % 8 & 1) << b;
  }
  return code;
}

// Every width, in rows, in columns and across, of sizes that fill no words; no
// byte behind the last one is read.
TEST(PackedCodes, every_width) {
  std::mt19937 random(1);
  for (int bits = 1; bits <= 8; ++bits)
    for (int64_t rows : {1, 3, 70})
      for (int64_t columns : {1, 31, 130})
        for (int layout = 0; layout < 4; ++layout) {
          bool across = layout == 2, isBytes = layout == 3;
          int64_t line = across ? rows : columns;
          int64_t lines = across ? columns : rows;
          int wordBytes = isBytes ? 1 : 4;
          int64_t words = (line * bits + 8 * wordBytes - 1) / (8 * wordBytes);
          std::vector<std::byte> data(lines * words * wordBytes);
          for (std::byte &byte : data)
            byte = std::byte(random());
          bool aside = layout == 1; // words of a line are a row apart
          PackedCodes codes{.data = data,
                            .rows = rows,
                            .columns = columns,
                            .bits = bits,
                            .across = across,
                            .wordBytes = wordBytes,
                            .lineStep = (aside ? 1 : words) * wordBytes,
                            .wordStep = (aside ? lines : 1) * wordBytes};
          int64_t first = rows / 3;
          std::vector<int> found = read(codes, first, rows - first);
          for (int64_t r = first; r < rows; ++r)
            for (int64_t c = 0; c < columns; ++c)
              ASSERT_EQ(found[(r - first) * columns + c], expected(codes, r, c))
                  << bits << " bits, layout " << layout << ", row " << r
                  << ", column " << c;
        }
}

} // namespace
