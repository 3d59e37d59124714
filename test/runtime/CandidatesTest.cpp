//===- CandidatesTest.cpp - Schedules that mica tune tries ----------------===//

#include "tools/mica-tune/Candidates.h"

#include <gtest/gtest.h>

using namespace mica;

namespace {

// Of the kinds in schedules/.
const Schedule vectors = {
    {6, 4, 2, 1}, {2, 2, 2, 4}, {0, 512, 512, 512}, 96, 64, 1, 0};
const Schedule tilesOfBF16 = {{32, 16, 8, 4, 2, 1},
                              {2, 2, 2, 2, 2, 2},
                              {0, 512, 512, 512, 512, 512},
                              512,
                              64,
                              4,
                              512};
const Schedule blocks = {{32, 16, 6, 4, 2, 1},
                         {2, 2, 2, 2, 2, 4},
                         {0, 512, 512, 512, 512, 512},
                         512,
                         128,
                         1,
                         512};

/// How many distinct schedules changes of `from` give, all of them within
/// `limits`; what comes of those is changed again `depth` times.
size_t countLegal(const Schedule &from, const ProductLimits &limits, int depth,
                  const std::function<void(const Schedule &)> &check) {
  std::vector<Schedule> found = {from};
  for (size_t begin = 0; depth-- > 0;) {
    size_t end = found.size();
    for (; begin < end; ++begin)
      for (const Change &change : allChanges()) {
        Schedule schedule = found[begin];
        change.apply(schedule);
        if (!isLegal(schedule, limits) ||
            std::find(found.begin(), found.end(), schedule) != found.end())
          continue;
        check(schedule);
        found.push_back(std::move(schedule));
      }
  }
  return found.size() - 1;
}

TEST(Candidates, OfVectorsFillNoMoreThanTheRegisters) {
  for (int64_t perPanel : {1, 2}) {
    ProductLimits limits = {ProductLimits::Vectors, 32 / perPanel, perPanel};
    Schedule from = vectors;
    if (perPanel == 2)
      from = {{4, 2, 1}, {1, 1, 2}, {0, 0, 0}, 96, 64, 1, 0};
    ASSERT_TRUE(isLegal(from, limits));
    EXPECT_GT(countLegal(from, limits, 2,
                         [&](const Schedule &s) {
                           for (size_t i = 0; i < s.rows.size(); ++i)
                             EXPECT_LE(s.rows[i] * s.panels[i] * perPanel,
                                       limits.registers * 3 / 4);
                           EXPECT_GE(s.block, s.rows[0]);
                         }),
              50u);
  }
}

TEST(Candidates, OfBlocksKeepATile) {
  ProductLimits limits = {ProductLimits::TilesOfBlocks, 32, 1};
  ASSERT_TRUE(isLegal(blocks, limits));
  EXPECT_GT(countLegal(blocks, limits, 2,
                       [](const Schedule &s) {
                         EXPECT_GE(s.rows[0], 16);
                         EXPECT_LE(s.rows[0], 32);
                         int64_t high = s.rows[0] > 16 ? 2 : 1;
                         EXPECT_LE(high * s.panels[0], 4);
                         EXPECT_GT(s.depth, 0);
                         EXPECT_EQ(s.block % 16, 0);
                         for (size_t i = 0; i < s.rows.size(); ++i)
                           if (s.rows[i] < 16)
                             EXPECT_LE(s.rows[i] * s.panels[i], 24);
                       }),
            50u);
}

TEST(Candidates, OfTilesOfBF16HaveNoMoreThanFourSums) {
  ProductLimits limits = {ProductLimits::TilesBF16, 32, 1};
  ASSERT_TRUE(isLegal(tilesOfBF16, limits));
  EXPECT_GT(countLegal(tilesOfBF16, limits, 2,
                       [](const Schedule &s) {
                         for (size_t i = 0; i < s.rows.size(); ++i) {
                           int64_t high = s.rows[i] > 16 ? 2 : 1;
                           EXPECT_LE(s.rows[i], 32);
                           EXPECT_EQ(s.rows[i] % high, 0);
                           EXPECT_LE(high * s.panels[i], 4);
                         }
                       }),
            50u);
}

TEST(Candidates, RowsDescend) {
  ProductLimits limits;
  Schedule schedule = vectors;
  schedule.rows[0] = 4;
  EXPECT_FALSE(isLegal(schedule, limits));
  schedule = vectors;
  schedule.block = 4; // less than a tile
  EXPECT_FALSE(isLegal(schedule, limits));
  schedule = vectors;
  schedule.depth = 512;
  schedule.block = schedule.unit = 1024; // 16 MiB for each worker
  EXPECT_FALSE(isLegal(schedule, limits));
}

} // namespace
