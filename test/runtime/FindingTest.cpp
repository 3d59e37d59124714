//===- FindingTest.cpp - Errors, tolerances, and what is no number --------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-diff/Finding.h"

#include "gtest/gtest.h"

#include <cmath>
#include <vector>

using namespace mica;

namespace {

const std::vector<float> kRows = {3, 4, 0, 0, 6, 8, 0, 0}; // 2 of 4 columns
constexpr Bound kTight = {1, 0, 0};

TEST(Finding, ElementsBeyondTheMovement) {
  std::vector<float> moved = kRows, found = kRows;
  moved[0] += 0.5f;  // The mean movement of row 0 is 1/8, of row 1 nothing.
  found[0] += 0.25f; // Half of what it moves by itself.
  Finding within = compareElements(found, kRows, moved, 4, kTight);
  EXPECT_FALSE(within.isOut());
  EXPECT_FLOAT_EQ(within.ratio, 0.5);
  found[1] += 0.25f; // Twice the mean.
  Finding out = compareElements(found, kRows, moved, 4, kTight);
  EXPECT_TRUE(out.isOut());
  EXPECT_FLOAT_EQ(out.ratio, 2);
  EXPECT_FLOAT_EQ(out.error, 0.25 / 2.5); // The RMS of 3, 4, 0, 0 is 2.5.
  EXPECT_FLOAT_EQ(out.tolerance, 0.125 / 2.5);
  EXPECT_EQ(out.row, 0u);
  EXPECT_EQ(out.column, 1);
  EXPECT_FALSE(compareElements(found, kRows, moved, 4, {2, 0, 0}).isOut());
}

TEST(Finding, OwnRoundingAndTheRow) {
  std::vector<float> found = kRows;
  found[5] += 0.5f;
  EXPECT_TRUE(compareElements(found, kRows, kRows, 4, kTight).isOut());
  EXPECT_FLOAT_EQ(
      compareElements(found, kRows, kRows, 4, {1, 1.0 / 8, 0}).ratio, 0.5);
  // The mean of row 1 is 3.5.
  EXPECT_FLOAT_EQ(
      compareElements(found, kRows, kRows, 4, {1, 0, 1.0 / 7}).ratio, 1);
}

TEST(Finding, NoNumbers) {
  std::vector<float> found = kRows, expected = kRows;
  found[6] = NAN;
  Finding out = compareElements(found, expected, expected, 4, {8, 1, 1});
  EXPECT_TRUE(out.isOut());
  EXPECT_EQ(out.column, 2);
  EXPECT_TRUE(compareRows(found, expected, 4, 1).isOut());
  expected[6] = NAN;
  EXPECT_FALSE(compareElements(found, expected, expected, 4, kTight).isOut());
  EXPECT_FALSE(compareRows(found, expected, 4, 1).isOut());
  expected[6] = INFINITY;
  EXPECT_TRUE(compareRows(found, expected, 4, 1).isOut());
}

TEST(Finding, Zeros) {
  std::vector<float> zeros(8, 0.0f), found = zeros;
  EXPECT_EQ(compareElements(found, zeros, zeros, 4, kTight).ratio, 0);
  EXPECT_EQ(compareRows(found, zeros, 4, 1e-6).ratio, 0);
  found[3] = 1e-30f;
  EXPECT_TRUE(compareElements(found, zeros, zeros, 4, kTight).isOut());
  EXPECT_TRUE(compareRows(found, zeros, 4, 1e-6).isOut());
}

TEST(Finding, Rows) {
  std::vector<float> found = kRows;
  found[4] += 0.5f; // 0.25 of the RMS of 6, 8, 0, 0, over the row half of it.
  Finding finding = compareRows(found, kRows, 4, 0.1);
  EXPECT_FALSE(finding.isOut());
  EXPECT_FLOAT_EQ(finding.error, 0.05);
  EXPECT_FLOAT_EQ(finding.ratio, 0.5);
  EXPECT_EQ(finding.row, 1u);
  EXPECT_EQ(finding.column, -1);
}

} // namespace
