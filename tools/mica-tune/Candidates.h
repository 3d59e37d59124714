//===- Candidates.h - Schedules that may be faster --------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_TUNE_CANDIDATES_H
#define TOOLS_MICA_TUNE_CANDIDATES_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mica {

/// The fields of #tile.schedule.
struct Schedule {
  std::vector<int64_t> rows, panels, prefetch;
  int64_t block, unit, unroll, depth;

  bool operator==(const Schedule &) const = default;
};

/// What the code of a product can do.
struct ProductLimits {
  /// Sums in vectors or in tiles of bf16; of blocks, in these for 16 rows and
  /// more.
  enum Kind { Vectors, TilesBF16, TilesOfBlocks } kind = Vectors;
  int64_t registers = 32;      ///< vector registers
  int64_t vectorsPerPanel = 1; ///< that hold a row's sums of a panel
};

/// Whether code can be made with the schedule, and none of it is absurd: sums
/// that fill the registers, memory of workers beyond a few MiB.
bool isLegal(const Schedule &schedule, const ProductLimits &limits);

/// One choice made otherwise.
struct Change {
  std::string name; ///< "prefetch = 1024"
  std::function<void(Schedule &)> apply;
};

/// The changes to try, what a step of one row and what one of many rows depends
/// on by turns. One may leave a schedule as it is, or make it illegal.
std::vector<Change> allChanges();

} // namespace mica

#endif // TOOLS_MICA_TUNE_CANDIDATES_H
