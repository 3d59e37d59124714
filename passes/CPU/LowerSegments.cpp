//===- LowerSegments.cpp - Row segments in memory -------------------------===//

#include "dialects/MicaTile/Emit.h"
#include "passes/CPU/Passes.h"

namespace mica {
#define GEN_PASS_DEF_LOWERSEGMENTSPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;
using tile::Emitter;
using tile::Index;

namespace {

/// Where the elements of a segment lie: element e at linear index `first` + e
/// of the dimensions `along`.
class Segment {
public:
  template <typename OpTy>
  Segment(Emitter &e, OpTy op, int64_t size)
      : e(e), buffer(op.getBuffer()), type(op.getBuffer().getType()),
        along(op.getAlong()), size(size) {
    for (Value index : op.getIndices())
      indices.push_back(e.index(index));
    first = indices[along.back()];
  }

  /// Elements that lie side by side wherever the segment begins, dividing
  /// `size`.
  int64_t run() const {
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return 1;
    int64_t count = 1;
    for (int64_t dim : llvm::reverse(along)) {
      if (strides[dim] != count)
        break;
      // The outermost dimension may run as far as the segment does.
      if (dim == along.front())
        return size;
      count *= type.getDimSize(dim);
    }
    return size % count == 0 && tile::isMultipleOf(first, count) ? count : 1;
  }

  /// The indices of element `at`.
  SmallVector<Index> element(int64_t at) const {
    SmallVector<Index> result = indices;
    Index rest = first + at;
    for (int64_t dim : llvm::reverse(along)) {
      if (dim == along.front()) {
        result[dim] = rest;
        break;
      }
      int64_t extent = type.getDimSize(dim);
      // An element inside the innermost run needs no division of its own.
      if (tile::isMultipleOf(first, extent) && dim == along.back()) {
        result[dim] = e.index(at % extent);
        rest = first / extent + at / extent;
        continue;
      }
      result[dim] = rest % extent;
      rest = rest / extent;
    }
    return result;
  }

  Emitter &e;
  Value buffer;
  MemRefType type;
  ArrayRef<int64_t> along;
  int64_t size;
  SmallVector<Index> indices;
  Index first;
};

void lowerLoad(tile::LoadOp op) {
  OpBuilder b(op);
  Emitter e(b, op.getLoc());
  auto type = cast<VectorType>(op.getType());
  int64_t size = type.getDimSize(0);
  Segment segment(e, op, size);
  Type element = segment.type.getElementType();
  int64_t run = segment.run();
  auto runType = VectorType::get(run, element);
  SmallVector<Value> parts;
  for (int64_t at = 0; at < size; at += run)
    parts.push_back(e.load(runType, segment.buffer, segment.element(at)));
  op.replaceAllUsesWith(e.extend(e.join(parts), type));
  op.erase();
}

void lowerStore(tile::StoreOp op) {
  OpBuilder b(op);
  Emitter e(b, op.getLoc());
  int64_t size = cast<VectorType>(op.getValue().getType()).getDimSize(0);
  Segment segment(e, op, size);
  Type element = segment.type.getElementType();
  Value value = element.isInteger()
                    ? e.resize(e.toInteger(op.getValue()), element, true)
                    : e.truncate(op.getValue(), element);
  int64_t run = segment.run();
  for (int64_t at = 0; at < size; at += run)
    e.store(e.slice(value, at, run), segment.buffer, segment.element(at));
  op.erase();
}

/// LLVM would add the elements one after the other.
void lowerReduction(vector::ReductionOp op) {
  if (!op.getType().isF32())
    return;
  bool isMax = op.getKind() == vector::CombiningKind::MAXNUMF ||
               op.getKind() == vector::CombiningKind::MAXIMUMF;
  if (!isMax && op.getKind() != vector::CombiningKind::ADD)
    return;
  OpBuilder b(op);
  Emitter e(b, op.getLoc());
  Value result = e.reduce(op.getVector(), isMax);
  if (Value acc = op.getAcc())
    result = isMax ? e.maximum(acc, result) : e.add(acc, result);
  op.replaceAllUsesWith(result);
  op.erase();
}

struct LowerSegments : mica::impl::LowerSegmentsPassBase<LowerSegments> {
  using LowerSegmentsPassBase::LowerSegmentsPassBase;

  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (auto load = dyn_cast<tile::LoadOp>(op))
        lowerLoad(load);
      else if (auto store = dyn_cast<tile::StoreOp>(op))
        lowerStore(store);
      else if (auto reduction = dyn_cast<vector::ReductionOp>(op))
        lowerReduction(reduction);
    });
  }
};

} // namespace
