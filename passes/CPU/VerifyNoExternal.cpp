//===- VerifyNoExternal.cpp - The code image stands alone -----------------===//

#include "passes/CPU/Passes.h"

namespace mica {
#define GEN_PASS_DEF_VERIFYNOEXTERNALPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Whether `op` is an intrinsic that becomes a call of libm or libc.
bool becomesCall(Operation *op) {
  return isa<LLVM::ExpOp, LLVM::Exp2Op, LLVM::LogOp, LLVM::Log2Op,
             LLVM::Log10Op, LLVM::PowOp, LLVM::SinOp, LLVM::CosOp, LLVM::TanOp,
             LLVM::TanhOp, LLVM::SinhOp, LLVM::CoshOp, LLVM::FRemOp,
             LLVM::MemcpyOp, LLVM::MemmoveOp, LLVM::MemsetOp>(op);
}

struct VerifyNoExternal
    : mica::impl::VerifyNoExternalPassBase<VerifyNoExternal> {
  using VerifyNoExternalPassBase::VerifyNoExternalPassBase;

  void runOnOperation() override {
    auto walked = getOperation()->walk([](Operation *op) {
      if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
          function && function.isExternal()) {
        op->emitOpError("expects a body, but got the declaration of '")
            << function.getName() << "'";
        return WalkResult::interrupt();
      }
      if (auto global = dyn_cast<LLVM::GlobalOp>(op);
          global && !global.getValueOrNull() &&
          global.getInitializerRegion().empty()) {
        op->emitOpError("expects a value, but got the declaration of '")
            << global.getSymName() << "'";
        return WalkResult::interrupt();
      }
      if (becomesCall(op)) {
        op->emitOpError("would call a function outside the module");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
