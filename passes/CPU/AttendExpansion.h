//===- AttendExpansion.h - One tile.attend as code --------------*- C++ -*-===//

#ifndef PASSES_CPU_ATTENDEXPANSION_H
#define PASSES_CPU_ATTENDEXPANSION_H

#include "passes/CPU/AttendAmx.h"

namespace mica::cpu {

/// The pools' shapes and the op's sizes.
struct AttendShape {
  explicit AttendShape(tile::AttendOp op);

  int64_t heads, group;        // kv-heads; query heads of each
  int64_t page, unit, chunk;   // tokens; `chunk` of a block are in one page
  int64_t keySteps, paddedKey; // steps of a dot; elements
  int64_t groupSteps, groups;  // of a key: steps with a common scale; how many
  bool minima;                 // behind the scales
  int64_t valuePanels;         // of the pool
  int64_t span;                // GEMM rows
  int64_t bounds;              // of a row: 4 if it also sees first tokens
  int64_t wide;                // tokens of a row of weights that lie together
  bool tiles;                  // products on tile registers
};

/// A block of tokens and what of it is in use.
struct AttendBlock {
  tile::Index n;           // first token, a multiple of `unit`
  tile::Index first, last; // panels of 16 tokens in use, relative to n
};

/// Emits the tasks of one operation (see AttendCPU.cpp).
class AttendExpansion {
public:
  AttendExpansion(tile::Emitter &e, tile::AttendOp op);

  void expand(tile::Index task);

private:
  void makeState();
  void expandSpan(tile::Index base, tile::Index rows);
  void packQuery(tile::Index r, tile::Index m, tile::Index h);
  void quantizeQuery(tile::Index r);
  tile::Emitter::Values prepareRows(tile::Index rows);
  void startSoftmax(tile::Index r);
  void expandBlock(tile::Index rows, tile::Index n,
                   const tile::Emitter::Values &hull);
  void findPages(tile::Index n, tile::Index last);
  void loadScales(const AttendBlock &block);
  mlir::Value scalesAt(mlir::Value scales, const AttendBlock &block,
                       tile::Index panel, tile::Index group);
  tile::Index pageOf(tile::Index panel, bool ahead);
  tile::Index placeOf(const AttendBlock &block, tile::Index panel, bool ahead);
  llvm::SmallVector<tile::Index> keysAt(const AttendBlock &block,
                                        tile::Index panel, tile::Index k,
                                        bool ahead);
  llvm::SmallVector<tile::Index> valuesAt(const AttendBlock &block,
                                          tile::Index panel, tile::Index column,
                                          tile::Index t, bool ahead);
  void forTiles(tile::Index rows,
                llvm::function_ref<void(tile::Index, int64_t, int64_t)> tile);
  void scoreBlock(const AttendBlock &block, tile::Index rows);
  void outputBlock(const AttendBlock &block, tile::Index rows);
  void forAmxRows(tile::Index rows,
                  llvm::function_ref<void(tile::Index, bool)> tile);
  void forColumns(int64_t panels,
                  llvm::function_ref<void(tile::Index, int64_t)> tile);
  void scoreTile(const AttendBlock &block, tile::Index r, int64_t rows,
                 int64_t panels);
  tile::Emitter::Values scorePanels(const AttendBlock &block, tile::Index r,
                                    int64_t rows, tile::Index panel,
                                    int64_t panels);
  tile::Emitter::Values scoreGroup(const AttendBlock &block, tile::Index r,
                                   int64_t rows, tile::Index panel,
                                   int64_t panels, tile::Index group,
                                   int64_t steps);
  void outputTile(const AttendBlock &block, tile::Index r, int64_t rows,
                  tile::Index column, int64_t panels);
  tile::Emitter::Values outputSums(const AttendBlock &block, tile::Index r,
                                   int64_t rows, tile::Index column,
                                   int64_t panels, tile::Emitter::Values sums);
  tile::Emitter::Values startSums(const AttendDot &dot, mlir::Value begin,
                                  int64_t panels);
  tile::Emitter::Values joined(const AttendDot &dot,
                               tile::Emitter::Values sums);
  tile::Emitter::Values
  unrolled(mlir::Value pool, int64_t count, tile::Emitter::Values carried,
           llvm::function_ref<tile::Emitter::Values(tile::Index, bool,
                                                    tile::Emitter::Values)>
               step);
  void finishRow(tile::Index r);
  /// The row of the step and the query head of GEMM row r of the span.
  tile::Index rowOf(tile::Index r) { return m0 + (base + r) / shape.group; }
  tile::Index headOf(tile::Index r) {
    return head * shape.group + (base + r) % shape.group;
  }

  tile::Emitter &e;
  tile::AttendOp op;
  AttendShape shape;
  /// Whether the same places of the next block are prefetched.
  bool prefetches;
  std::unique_ptr<AttendDot> keyDot, valueDot;
  /// Whether rows see a text's first tokens beside those from `lo` on.
  bool hasSinks() const { return shape.bounds == 4; }
  int64_t columns; // of a value, with padding
  AttendState state;
  mlir::Value floats; // [padded key] f32: a query that becomes integers
  mlir::Value pages;  // [2 * unit / chunk] of this block and the next
  // Of the task: its kv-head, first row, first page and pages; of the span: its
  // first GEMM row.
  tile::Index head, m0, pageStart, pageCount, base;
};

} // namespace mica::cpu

#endif // PASSES_CPU_ATTENDEXPANSION_H
