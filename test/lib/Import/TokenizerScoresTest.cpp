//===- TokenizerScoresTest.cpp - Scores as the oracle rounds them ---------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerSource.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace mica;

TEST(TokenizerScores, FewDigitsAreExact) {
  for (double score : {0.0, -1.5, -2.4553309232464713, 3.0, 1e22, -1e-5, 0.1})
    EXPECT_EQ(roundScore(score), score);
  EXPECT_EQ(roundScore(-std::numeric_limits<double>::infinity()),
            -std::numeric_limits<double>::infinity());
}

/// Integers above 2^53 are rounded before the division. The right column is
/// what `tokenizers` 0.23 writes after it has read the left one.
TEST(TokenizerScores, ManyDigitsAreRoundedTwice) {
  EXPECT_EQ(roundScore(-7.0264941301679436), -7.026494130167944);
  EXPECT_EQ(roundScore(-9.552713827509887), -9.552713827509889);
  EXPECT_EQ(roundScore(-10.155251244063715), -10.155251244063717);
  EXPECT_EQ(roundScore(-10.689045982150223), -10.689045982150224);
  EXPECT_EQ(roundScore(-10.957421864770449), -10.957421864770447);
}

/// Numbers at the ends of the range stay finite and keep their sign.
TEST(TokenizerScores, Range) {
  EXPECT_GT(roundScore(5e-324), 0);
  EXPECT_TRUE(std::isfinite(roundScore(-1.7976931348623157e308)));
  EXPECT_NEAR(roundScore(-2.2250738585072014e-308) / 2.2250738585072014e-308,
              -1, 1e-15);
}
