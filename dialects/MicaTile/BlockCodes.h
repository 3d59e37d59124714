//===- BlockCodes.h - Integers out of packed blocks -------------*- C++ -*-===//
//
// Reads the layout that `#tile.blocks` describes. A run is 32 elements of each
// row of a panel: `bits` lines, in which one dword is 4 elements of one row.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_MICATILE_BLOCKCODES_H
#define DIALECTS_MICATILE_BLOCKCODES_H

#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"

namespace mica::tile {

/// Elements of a run, and its dwords.
constexpr int64_t kRun = 32, kRunDwords = 8;

/// Some bits of every code: `width` of them, above `above` others, in `width`
/// lines from `line` on.
struct CodePlane {
  int64_t width, above, line;
};
llvm::SmallVector<CodePlane> codePlanes(int64_t bits);

/// The codes of dword `j` of a run, 4 bytes in each i32. `line(i)` is line i of
/// the run: vector<n x i32>, one lane a row.
mlir::Value codesOf(Emitter &e, int64_t bits, int64_t j,
                    llvm::function_ref<mlir::Value(int64_t)> line);

/// The f8E4M3FN in the high halves of `words`, vector<n x i16>, over 2^8, as
/// the bits of f16: its exponent has 4 bits, about 7 and not about 15,
/// subnormal or not. (What is no number becomes 1.875: groups that have one
/// have such a scale.)
mlir::Value halfBits(Emitter &e, mlir::Value words);
/// What decoded numbers of a format with `floats` are multiplied with: 2^8 of
/// `halfBits`, else 1.
double floatUnit(BlocksAttr blocks);

/// The f32 elements `at`, `at` + 1, … of row `row` of the packed `weights`
/// [N / panel, K / block, lines, 4 * panel]: vector<size x f32>. `size` and
/// `at` are multiples of 4.
mlir::Value loadElements(Emitter &e, mlir::Value weights, BlocksAttr blocks,
                         Index row, Index at, int64_t size);

} // namespace mica::tile

#endif // DIALECTS_MICATILE_BLOCKCODES_H
