//===- SegmentEmitter.h - A group's row ops on one segment ------*- C++ -*-===//

#ifndef PASSES_KERNELS_SEGMENTEMITTER_H
#define PASSES_KERNELS_SEGMENTEMITTER_H

#include "dialects/MicaTile/Emit.h"
#include "passes/Kernels/KernelContext.h"

namespace mica {

/// Emits the row ops of a group for the columns n, n + 1, … n + segment - 1 of
/// row m. Columns are counted in `columns`, the width of the group's anchor: a
/// tensor of another width is met at the proportional column.
class SegmentEmitter : public tile::RowBuilder {
public:
  SegmentEmitter(KernelContext &context, mlir::OpBuilder &b, mlir::Location loc,
                 mlir::Value m, mlir::Value n, int64_t columns, int64_t segment)
      : RowBuilder(b, loc), context(context), e(b, loc), m(e.index(m)),
        n(e.index(n)), columns(columns), segment(segment) {}

  /// Says that `value` is `row` here.
  void set(mlir::Value value, tile::Row row) { rows[value] = row; }
  /// Emits `op` on the segment.
  void emit(mlir::Operation *op);
  /// Stores what `group` yields to the buffers of its results.
  void storeResults(GroupOp group);
  /// The row segment of `value`, loaded if it comes from outside.
  tile::Row get(mlir::Value value);

  /// The segment of the bias of the expert that the row chose.
  tile::Row loadBias(GroupedLinearOp op);

  tile::Scalar reduce(tile::Row a, bool isMax) override;
  int64_t rowSize() override { return columns; }
  tile::Row loadVector(mlir::Value weight, int64_t period,
                       int64_t size) override;
  tile::Scalar loadPosition(int64_t first, int64_t interval) override;
  tile::Row loadAngles(mlir::Value angles, int which, int64_t pairs) override;

  /// `size` columns of row `row` of a buffer, from `column` on.
  tile::Row loadRow(mlir::Value buffer, tile::Index row, tile::Index column,
                    int64_t size);

protected:
  /// `n` in the columns of rows that are `own` wide.
  tile::Index columnFor(int64_t own);
  tile::Index loadIndex(mlir::Value table, tile::Index at);

  tile::Row integers(tile::Row row, mlir::Value scales,
                     llvm::ArrayRef<tile::Index> at);
  mlir::Value storeF16(mlir::Value number, mlir::Value buffer,
                       llvm::ArrayRef<tile::Index> at);
  mlir::Value inverseOf(mlir::Value scale);
  tile::Row nibbles(tile::Row row, mlir::Value scales,
                    llvm::SmallVector<tile::Index> at);
  tile::Row paired(tile::Row head, bool values);
  tile::Row integers(KVWriteOp op, tile::Row head,
                     llvm::ArrayRef<tile::Index> at, tile::Index token,
                     tile::Index column);
  void storeRows(mlir::Value vector, mlir::Value buffer, tile::Index column,
                 tile::GroupsAttr groups, int64_t columns);
  void storeGroups(mlir::Value vector, mlir::Value buffer, tile::Index column,
                   tile::GroupsAttr groups, int64_t columns);
  void storePadding(mlir::Value buffer, int64_t from, int64_t to);
  void emitRowOp(RowOpInterface op);
  void emitElementwise(mlir::Operation *op);
  void emitSplit(SplitOp op);
  void emitWrite(KVWriteOp op);
  tile::Row loadTable(mlir::Value table, tile::Index id);
  void emitEmbedding(EmbeddingOp op);
  void emitNgram(NgramEmbeddingOp op);
  tile::Index sequenceOf(tile::Index row);
  void emitPool(PoolRowsOp op);
  void emitPermute(PermuteColumnsOp op);
  void emitAngles(RopeAnglesOp op);
  void emitCombine(CombineOp op);

  KernelContext &context;
  tile::Emitter e;
  tile::Index m, n;
  int64_t columns, segment;
  /// While a row op is emitted part by part: the part's first column.
  int64_t partOffset = 0;
  /// Whether the op being emitted reduces over the whole row.
  bool wholeRow = false;
  llvm::DenseMap<mlir::Value, tile::Row> rows;
};

} // namespace mica

#endif // PASSES_KERNELS_SEGMENTEMITTER_H
