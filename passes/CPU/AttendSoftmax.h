//===- AttendSoftmax.h - Online softmax of one block of tokens --*- C++ -*-===//

#ifndef PASSES_CPU_ATTENDSOFTMAX_H
#define PASSES_CPU_ATTENDSOFTMAX_H

#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"
#include "passes/CPU/AttendDot.h"

namespace mica::cpu {

/// What a tile of `rows` rows carries from block to block, in L1.
struct AttendState {
  mlir::Value query;   // [rows, padded key] as the dot wants it
  mlir::Value scores;  // [rows, unit] f32
  mlir::Value weights; // [unit / w, rows, w] as the dot wants it, w tokens
  mlir::Value output;  // [rows, padded value] f32, not yet divided
  mlir::Value maximum; // [rows] f32, about the largest score * factor
  mlir::Value sum;     // [rows, 16] f32, parts of the sum of weights
  mlir::Value bounds;  // [rows, 3 or 4] i32: lo, core, hi, end of sinks
  // Of a cache of integers, else null: rows are integers, times a scale.
  mlir::Value queryScale;  // [rows] f32
  mlir::Value querySums;   // [rows, groups of a key] i32
  mlir::Value weightScale; // [rows] f32, of this block
  mlir::Value valueScales; // [unit] f32, of this block
  // If codes have minima, else null.
  mlir::Value valueMinima; // [unit] f32, of this block
  mlir::Value minima; // [rows, 16] f32, parts of the sum of weight * minimum
};

/// Turns one row's scores of one block into weights.
class AttendSoftmax {
public:
  /// Stands for minus infinity: finite, so that differences are.
  static constexpr double lowest = -1e30;

  AttendSoftmax(tile::Emitter &e, tile::AttendOp op, const AttendDot &dot,
                const AttendState &state);

  /// Row `r` of the tile is (m, h); the block begins at token n. `edge`: some
  /// of its tokens may be invisible to this row.
  void row(tile::Index r, tile::Index m, tile::Index h, tile::Index n,
           bool edge);

private:
  /// Scores of tokens n + 16 part …, to be multiplied with `factor`.
  mlir::Value score(tile::Index r, tile::Index m, tile::Index h, tile::Index n,
                    int64_t part, mlir::Value tokens);
  double factor();
  mlir::Value visible(tile::Index r, tile::Index m, mlir::Value tokens);
  mlir::Value tokensOf(tile::Index n, int64_t part);
  /// Makes integers of `weights` times the values' scales, and adds up what the
  /// values' minima contribute.
  void quantize(tile::Index r, mlir::MutableArrayRef<mlir::Value> weights);
  /// Stores the weights of row r.
  void storeWeights(tile::Index r, mlir::MutableArrayRef<mlir::Value> weights);
  /// Raises the maximum of row r to that of `scores` and scales what was
  /// summed so far.
  void rescale(tile::Index r, mlir::Value scores);
  /// 2^x, for x <= 8.
  mlir::Value exp2(mlir::Value x);

  tile::Emitter &e;
  tile::AttendOp op;
  const AttendDot &dot;
  const AttendState &state;
  int64_t parts, columns, wide;
};

} // namespace mica::cpu

#endif // PASSES_CPU_ATTENDSOFTMAX_H
