//===- QuantizeActivations.cpp - Activations as the target multiplies them ===//

#include "passes/Graph/Passes.h"

namespace mica {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONSPASS
#include "passes/Graph/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// The `mica.quantize` of `value` to `type` that stands right after it.
Value quantized(Value value, Type type) {
  for (Operation *user : value.getUsers())
    if (auto op = dyn_cast<QuantizeOp>(user))
      if (op.getType().getElementType() == type)
        return op;
  OpBuilder b(value.getContext());
  b.setInsertionPointAfterValue(value);
  auto rows = cast<RankedTensorType>(value.getType()).clone(type);
  return QuantizeOp::create(b, value.getLoc(), rows, value);
}

struct QuantizeActivations
    : mica::impl::QuantizeActivationsPassBase<QuantizeActivations> {
  using QuantizeActivationsPassBase::QuantizeActivationsPassBase;

  void runOnOperation() override {
    auto target = getOperation()->getAttrOfType<TargetAttr>("mica.target");
    auto dtype = getOperation()->getAttrOfType<TypeAttr>("mica.dtype");
    if (!target || !dtype) {
      getOperation().emitOpError("expects attributes mica.target and mica.dtype");
      return signalPassFailure();
    }
    if (!target.hasDot(dtype.getValue()))
      return;
    getOperation().walk([&](Operation *op) {
      auto attention = dyn_cast<AttentionOp>(op);
      if (!isa<LinearOp>(op) &&
          !(attention &&
            attention.getKv().getType().getElement() == dtype.getValue()))
        return;
      if (!getElementTypeOrSelf(op->getOperand(0)).isF32())
        return;
      op->setOperand(0, quantized(op->getOperand(0), dtype.getValue()));
      ++numQuantized;
    });
  }
};

} // namespace
