//===- LowerReference.cpp - Ops without a kernel as naive loops -----------===//

#include "dialects/MicaTile/Emit.h"
#include "passes/Kernels/KernelContext.h"
#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;

void mica::lowerReference(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  Operation *op = &group.getBody().front().front();
  auto bufferOf = [&](Value value) {
    return isa<WeightType>(value.getType()) ? context.weightOf(value)
                                            : context.bufferOf(value);
  };
  SmallVector<Value> results;
  for (auto [value, place] :
       llvm::zip_equal(group.getYield().getValues(), *group.getBuffers()))
    results.push_back(context.bufferAt(
        cast<BufferAttr>(place), cast<RankedTensorType>(value.getType())));
  tile::Emitter e(b, loc);
  e.ifThen(e.index(context.worker) < e.index(int64_t(1)), [&] {
    reference::Loops loops(b, loc, b.getF32Type());
    reference::emitRowLoops(loops, op, bufferOf, results);
  });
}
