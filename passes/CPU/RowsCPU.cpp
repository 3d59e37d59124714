//===- RowsCPU.cpp - tile.rows and tile.each as loops ---------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/CPU/Expand.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Less than any finite score, and finite: an infinity could become a NaN.
constexpr double lowest = -3.4e38;

class RowsExpansion {
public:
  RowsExpansion(Emitter &e, tile::RowsOp op)
      : e(e), op(op), granule(op.getGranule()), columns(op.getColumns()) {}

  void expandRow(Index m) {
    for (auto [region, kind] :
         llvm::zip_equal(op.getStats(), op.getKinds().getAsRange<StringAttr>()))
      scalars.push_back(expandStats(region, m, kind.getValue() == "max"));
    e.forRange(e.index(0), e.index(columns), granule,
               [&](Index n) { e.inlined(op.getApply(), arguments(m, n)); });
  }

private:
  SmallVector<Value> arguments(Index m, Index n) {
    SmallVector<Value> result = {m, n};
    llvm::append_range(result, scalars);
    llvm::append_range(result, op.getCaptures());
    return result;
  }

  /// One scalar of a row: whole segments, then the columns of the last one that
  /// exist, then across the vector in a fixed order.
  Value expandStats(Region &region, Index m, bool isMax) {
    auto type = cast<VectorType>(
        region.front().getTerminator()->getOperand(0).getType());
    int64_t size = type.getDimSize(0), whole = columns / granule * granule;
    Value identity = e.splat(isMax ? lowest : 0.0, size);
    auto combine = [&](Value x, Value y) {
      return isMax ? e.maximum(x, y) : e.add(x, y);
    };
    Emitter::Values sum =
        e.forRange(e.index(0), e.index(whole), granule, {identity},
                   [&](Index n, ValueRange carried) -> Emitter::Values {
                     Value value = e.inlined(region, arguments(m, n))[0];
                     return {combine(carried[0], value)};
                   });
    if (columns != whole) {
      Value value = e.inlined(region, arguments(m, e.index(whole)))[0];
      Value exists = firstElements(columns - whole, size);
      sum[0] = combine(sum[0], e.select(exists, value, identity));
    }
    return e.reduce(sum[0], isMax);
  }

  /// vector<size x i1>: true in the first `count` elements.
  Value firstElements(int64_t count, int64_t size) {
    SmallVector<bool> bits(size, false);
    std::fill_n(bits.begin(), count, true);
    auto type = VectorType::get(size, e.b.getI1Type());
    return arith::ConstantOp::create(e.b, e.loc,
                                     DenseElementsAttr::get(type, bits));
  }

  Emitter &e;
  tile::RowsOp op;
  int64_t granule, columns;
  SmallVector<Value> scalars;
};

} // namespace

Index cpu::countTasks(Emitter &e, tile::RowsOp op) {
  return ceilDiv(e.index(op.getCount()), op.getSchedule()->getBlock());
}

void cpu::expandTask(Emitter &e, tile::RowsOp op, Index task) {
  int64_t block = op.getSchedule()->getBlock();
  Index m0 = task * block, m1 = min(m0 + block, e.index(op.getCount()));
  e.forRange(m0, m1, 1, [&](Index m) { RowsExpansion(e, op).expandRow(m); });
}

Index cpu::countTasks(Emitter &e, tile::EachOp op) {
  return ceilDiv(e.index(op.getCount()), op.getBlock());
}

void cpu::expandTask(Emitter &e, tile::EachOp op, Index task) {
  int64_t block = op.getBlock();
  Index m0 = task * block, m1 = min(m0 + block, e.index(op.getCount()));
  e.forRange(m0, m1, 1, [&](Index m) {
    Emitter::Values arguments = {m};
    llvm::append_range(arguments, op.getCaptures());
    e.inlined(op.getBody(), arguments);
  });
}
