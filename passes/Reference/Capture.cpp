//===- Capture.cpp - Reference: pass every result to the caller -----------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;

/// Whether `result` is worth comparing: f32 rows that depend on other tensors.
static bool isCaptured(OpResult result) {
  auto rows = dyn_cast<RankedTensorType>(result.getType());
  return rows && rows.getRank() == 2 && rows.getElementType().isF32() &&
         llvm::any_of(result.getOwner()->getOperandTypes(),
                      llvm::IsaPred<RankedTensorType>);
}

SmallVector<OpResult> mica::reference::captureResults(ModuleOp module) {
  OpBuilder b(module.getContext());
  auto any = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic},
                                   b.getF32Type());
  SmallVector<OpResult> results;
  module.walk([&](Operation *op) {
    llvm::copy_if(op->getResults(), std::back_inserter(results), isCaptured);
  });
  b.setInsertionPointToStart(module.getBody());
  auto capture =
      func::FuncOp::create(b, module.getLoc(), "mica_capture",
                           b.getFunctionType({b.getI64Type(), any}, {}));
  capture.setPrivate();
  capture->setAttr("llvm.emit_c_interface", b.getUnitAttr());
  for (auto [number, result] : llvm::enumerate(results)) {
    Operation *op = result.getOwner();
    if (!op->hasAttr("mica.capture"))
      op->setAttr("mica.capture", b.getI64IntegerAttr(number));
    b.setInsertionPointAfter(op);
    Value id = arith::ConstantIntOp::create(b, op->getLoc(), number, 64);
    Value cast = tensor::CastOp::create(b, op->getLoc(), any, result);
    func::CallOp::create(b, op->getLoc(), capture, ValueRange{id, cast});
  }
  return results;
}
