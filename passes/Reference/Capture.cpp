//===- Capture.cpp - Reference: pass every result to the caller -----------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;

void mica::reference::captureResults(ModuleOp module) {
  OpBuilder b(module.getContext());
  auto any = RankedTensorType::get(
      {ShapedType::kDynamic, ShapedType::kDynamic}, b.getF32Type());
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (llvm::any_of(op->getResultTypes(), [&](Type type) {
          auto rows = dyn_cast<RankedTensorType>(type);
          return rows && rows.getRank() == 2 && rows.getElementType().isF32();
        }))
      ops.push_back(op);
  });
  b.setInsertionPointToStart(module.getBody());
  auto capture = func::FuncOp::create(
      b, module.getLoc(), "mica_capture",
      b.getFunctionType({b.getI64Type(), any}, {}));
  capture.setPrivate();
  capture->setAttr("llvm.emit_c_interface", b.getUnitAttr());
  for (auto [number, op] : llvm::enumerate(ops)) {
    op->setAttr("mica.capture", b.getI64IntegerAttr(number));
    b.setInsertionPointAfter(op);
    for (Value result : op->getResults()) {
      auto rows = dyn_cast<RankedTensorType>(result.getType());
      if (!rows || rows.getRank() != 2 || !rows.getElementType().isF32())
        continue;
      Value id = arith::ConstantIntOp::create(b, op->getLoc(), number, 64);
      Value cast = tensor::CastOp::create(b, op->getLoc(), any, result);
      func::CallOp::create(b, op->getLoc(), capture, ValueRange{id, cast});
    }
  }
}
