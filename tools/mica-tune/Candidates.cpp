//===- Candidates.cpp - Schedules that may be faster ----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Candidates.h"

#include <algorithm>

using namespace mica;

namespace {

// Of a tile register: rows, and how many of the eight hold sums.
constexpr int64_t kTileRows = 16, kTileSums = 4;
constexpr int64_t kMostRows = 1024, kMostColumns = 1024, kMostDepth = 2048;
// A deep block takes four units of columns (ContractCPU), in f32.
constexpr int64_t kMostWaiting = int64_t(8) << 20, kWaitingPerCell = 16;

bool hasLegalTile(int64_t rows, int64_t panels, const ProductLimits &limits) {
  bool isTile =
      limits.kind == ProductLimits::TilesBF16 ||
      (limits.kind == ProductLimits::TilesOfBlocks && rows >= kTileRows);
  if (isTile) {
    int64_t high = rows > kTileRows ? 2 : 1;
    return rows <= 2 * kTileRows && rows % high == 0 &&
           high * panels <= kTileSums;
  }
  // A quarter of the registers is for what is multiplied.
  return rows * panels * limits.vectorsPerPanel <= limits.registers * 3 / 4;
}

} // namespace

bool mica::isLegal(const Schedule &s, const ProductLimits &limits) {
  if (s.rows.empty() || s.rows.size() != s.panels.size() ||
      s.rows.size() != s.prefetch.size() || s.rows.back() != 1)
    return false;
  bool opens = limits.kind == ProductLimits::TilesOfBlocks;
  if (opens && s.rows[0] < kTileRows)
    return false;
  for (size_t i = 0; i < s.rows.size(); ++i)
    if (s.panels[i] < 1 || s.prefetch[i] < 0 ||
        (i && s.rows[i] >= s.rows[i - 1]) ||
        !hasLegalTile(s.rows[i], s.panels[i], limits))
      return false;
  return s.block >= s.rows[0] && s.block <= kMostRows && s.unit >= 16 &&
         s.unit <= kMostColumns && s.unit % 16 == 0 && s.unroll >= 1 &&
         s.unroll <= 16 && s.depth <= kMostDepth &&
         s.depth >= (opens ? 1 : 0) &&
         (!s.depth || s.block * s.unit * kWaitingPerCell <= kMostWaiting);
}

//===----------------------------------------------------------------------===//
// Changes
//===----------------------------------------------------------------------===//

/// Of row tiles of `least` to `most` rows.
static Change setPrefetch(int64_t least, int64_t most, int64_t bytes) {
  std::string rows = std::to_string(least) + " to " + std::to_string(most);
  return {"prefetch = " + std::to_string(bytes) + " of " + rows + " rows",
          [=](Schedule &s) {
            for (size_t i = 0; i < s.rows.size(); ++i)
              if (s.rows[i] >= least && s.rows[i] <= most)
                s.prefetch[i] = bytes;
          }};
}

/// Another number of panels for tiles of `rows` rows.
static Change setPanels(int64_t rows, int64_t panels) {
  return {std::to_string(panels) + " panels of " + std::to_string(rows) +
              " rows",
          [=](Schedule &s) {
            auto it = std::find(s.rows.begin(), s.rows.end(), rows);
            if (it != s.rows.end())
              s.panels[it - s.rows.begin()] = panels;
          }};
}

/// Times `factor` halves: 1 is half as much, 4 twice.
static int64_t scaled(int64_t value, int64_t factor) {
  return value * factor / 2;
}

static std::string times(const char *what, int64_t factor) {
  return std::string(what) + (factor == 1 ? " / 2" : " * 2");
}

static Change scaleUnit(int64_t factor) {
  return {times("unit", factor),
          [=](Schedule &s) { s.unit = scaled(s.unit, factor); }};
}

/// Whole tiles of the most rows.
static Change scaleBlock(int64_t factor) {
  return {times("block", factor), [=](Schedule &s) {
            int64_t tiles = scaled(s.block, factor) / s.rows[0];
            s.block = std::max<int64_t>(tiles, 1) * s.rows[0];
          }};
}

static Change scaleUnroll(int64_t factor) {
  return {times("unroll", factor),
          [=](Schedule &s) { s.unroll = scaled(s.unroll, factor); }};
}

static Change setDepth(int64_t depth) {
  return {"depth = " + std::to_string(depth),
          [=](Schedule &s) { s.depth = depth; }};
}

/// Greatest tiles of `rows` rows, `panels` panels.
static Change setGreatest(int64_t rows, int64_t panels) {
  return {std::to_string(rows) + " rows of " + std::to_string(panels) +
              " panels at most",
          [=](Schedule &s) {
            int64_t tiles = s.block / s.rows[0];
            s.rows[0] = rows;
            s.panels[0] = panels;
            s.block = std::max<int64_t>(tiles, 1) * rows;
          }};
}

std::vector<Change> mica::allChanges() {
  constexpr int64_t half = 1, twice = 4;
  // Tiles of one row, of a few, and of many with the greatest.
  auto one = [](int64_t bytes) { return setPrefetch(1, 1, bytes); };
  auto few = [](int64_t bytes) { return setPrefetch(2, 3, bytes); };
  auto many = [](int64_t bytes) { return setPrefetch(4, kMostRows, bytes); };
  return {one(1024),
          scaleBlock(half),
          setPanels(1, 2),
          setDepth(1024),
          setPanels(1, 4),
          scaleUnit(twice),
          many(6144),
          scaleBlock(twice),
          one(3072),
          setDepth(256),
          setPanels(1, 1),
          setGreatest(8, 2),
          setPanels(2, 4),
          setGreatest(6, 2),
          few(2048),
          scaleUnit(half),
          setPanels(4, 4),
          setGreatest(12, 2),
          setPanels(2, 2),
          setGreatest(8, 3),
          one(0),
          setGreatest(12, 1),
          scaleUnroll(half),
          setDepth(512),
          scaleUnroll(twice),
          setGreatest(10, 2),
          setPanels(4, 2),
          setDepth(2048),
          setPanels(2, 1),
          setGreatest(5, 4),
          setPanels(4, 1),
          setGreatest(4, 2),
          few(6144),
          many(4096),
          one(512),
          many(2048),
          few(0),
          many(0)};
}
