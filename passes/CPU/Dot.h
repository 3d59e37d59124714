//===- Dot.h - The main loop of one class of instructions -------*- C++ -*-===//

#ifndef PASSES_CPU_DOT_H
#define PASSES_CPU_DOT_H

#include "dialects/MicaTile/Emit.h"
#include <memory>

namespace mica::cpu {

/// A register tile: `rows` rows from m times `panels` panels from p. Element
/// [r * panels + v] of its accumulators holds row m + r, panel p + v.
struct DotTile {
  mlir::Value input;   // [M, K]
  mlir::Value weights; // [padded N / panel, padded K / group, panel * group]
  tile::Index m, p;
  int64_t rows, panels, panel, group;
};

/// One strategy of multiplying: which instructions take a group of k.
class Dot {
public:
  virtual ~Dot() = default;
  /// Adds the products of group `k` (k * group to (k + 1) * group - 1, in this
  /// order) to each accumulator, a vector<panel x f32>.
  virtual void step(tile::Emitter &e, const DotTile &tile, tile::Index k,
                    mlir::MutableArrayRef<mlir::Value> accumulators) const = 0;
};

/// f32 multiply-add: weights and inputs of any float type, converted to f32.
std::unique_ptr<Dot> makeDotFma();
/// vdpbf16ps: pairs of bf16 weights and bf16 inputs.
std::unique_ptr<Dot> makeDotBf16();

} // namespace mica::cpu

#endif // PASSES_CPU_DOT_H
