//===- Finding.h - How far an op is from what it should be ------*- C++ -*-===//

#ifndef TOOLS_MICA_DIFF_FINDING_H
#define TOOLS_MICA_DIFF_FINDING_H

#include "tools/mica-diff/Recorder.h"

#include <span>

namespace mica {

/// The worst that was seen of one op. Errors are in units of the RMS of the row
/// that they are in, as it should be.
struct Finding {
  const OpOutput *output = nullptr;
  int64_t layer = -1;
  double error = 0, tolerance = 0;
  double ratio = 0;    ///< error / tolerance; above 1 it is out
  uint64_t row = 0;    ///< of all tokens, sequence by sequence
  int64_t column = -1; ///< -1: the whole row

  bool isOut() const { return !(ratio <= 1); }
};

/// The largest relative error of rounding to `element`: half a unit in its last
/// place.
double unitOf(OpOutput::Element element);

/// What the integers of a cache are off by, as a part of what they stand for; 0
/// of caches of floats.
double cacheUnit(const Manifest &manifest);

/// The largest of the model's type, its rows and its cache.
double unitOf(const Manifest &manifest);

/// What the sum of a product leaves in f32, 2^-24 sqrt(K) for the widest rows
/// of the model: independent errors of K additions.
double sumUnit(const Manifest &manifest);

/// What is tolerated of single elements: `factor` times the largest of
/// - how far the op moves at this element when its inputs are moved,
/// - the mean of that over the row,
/// - `element` times the element: its own rounding,
/// - `row` times the mean of the row: a movement is one sample, and may be small
///   by chance;
/// - 1 / 254 of the greatest of its `group` of columns, if there are groups.
struct Bound {
  double factor, element, row;
  uint64_t group = 0;
};

/// Compares single elements. `moved` is `expected` on moved inputs.
Finding compareElements(std::span<const float> found,
                        std::span<const float> expected,
                        std::span<const float> moved, uint64_t columns,
                        const Bound &bound);

/// Compares whole rows: the RMS of their difference with `tolerance`.
Finding compareRows(std::span<const float> found,
                    std::span<const float> expected, uint64_t columns,
                    double tolerance);

} // namespace mica

#endif // TOOLS_MICA_DIFF_FINDING_H
