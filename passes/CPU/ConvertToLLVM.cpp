//===- ConvertToLLVM.cpp - What is left, to the LLVM dialect --------------===//

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "passes/CPU/Instructions.h"
#include "passes/CPU/Passes.h"
#include "passes/CPU/StepToLLVM.h"

namespace mica {
#define GEN_PASS_DEF_CONVERTTOLLVMPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Gives the entry the types of `mica_entry`: workers are 32 bits wide.
LogicalResult convertEntry(func::FuncOp entry) {
  Block &body = entry.getBody().front();
  OpBuilder b = OpBuilder::atBlockBegin(&body);
  if (body.getNumArguments() != 3)
    return entry.emitOpError("expects an entry of 3 arguments, but got ")
           << body.getNumArguments();
  for (BlockArgument argument : body.getArguments().drop_front()) {
    argument.setType(b.getI32Type());
    auto cast = arith::IndexCastUIOp::create(b, entry.getLoc(),
                                             b.getIndexType(), argument);
    argument.replaceAllUsesExcept(cast.getResult(), cast);
  }
  entry.setType(b.getFunctionType(body.getArgumentTypes(), {}));
  entry->removeAttr("tile.entry");
  return success();
}

/// What LLVM needs to know of the machine, function by function: the object
/// does not depend on how the code generator is called.
void setTarget(LLVM::LLVMFuncOp function, TargetAttr target) {
  OpBuilder b(function.getContext());
  StringRef cpu = target.getCpu();
  std::string features = target.getFeatures().str();
  if (cpu::isAArch64(target)) {
    // A level is a feature there: "armv8.2-a" is "+v8.2a".
    std::string level = "+" + cpu.drop_front(StringRef("arm").size()).str();
    llvm::erase(level, '-');
    features = features.empty() ? level : level + "," + features;
    cpu = "generic";
    // Only the order of instructions follows from this; that for no core in
    // particular takes main loops out of their registers.
    function.setTuneCpuAttr(b.getStringAttr("neoverse-n1"));
  }
  function.setTargetCpuAttr(b.getStringAttr(cpu));
  if (!features.empty())
    function.setTargetFeaturesAttr(
        LLVM::TargetFeaturesAttr::get(function.getContext(), features));
  auto pair = [&](StringRef name, const Twine &value) {
    return b.getStrArrayAttr({name, value.str()});
  };
  std::string bits = std::to_string(target.getVectorBits());
  function.setPassthroughAttr(
      b.getArrayAttr({b.getStringAttr("no-builtins"),
                      pair("denormal-fp-math", "preserve-sign,preserve-sign"),
                      pair("prefer-vector-width", bits),
                      pair("min-legal-vector-width", bits)}));
}

struct ConvertToLLVM : mica::impl::ConvertToLLVMPassBase<ConvertToLLVM> {
  using ConvertToLLVMPassBase::ConvertToLLVMPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr("tile.entry") && failed(convertEntry(function)))
        return signalPassFailure();
    if (failed(simplifyVectors(module)) || failed(convert(module)))
      return signalPassFailure();

    auto target = module->getAttrOfType<TargetAttr>("mica.target");
    for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
      if (target)
        setTarget(function, target);
      if (function.getName() != "mica_entry")
        function.setLinkage(LLVM::Linkage::Internal);
    }
  }

private:
  /// Slices become shuffles, which are all that LLVM knows.
  LogicalResult simplifyVectors(ModuleOp module) {
    RewritePatternSet patterns(&getContext());
    vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
    vector::populateVectorStepLoweringPatterns(patterns);
    return applyPatternsGreedily(module, std::move(patterns));
  }

  LogicalResult convert(ModuleOp module) {
    MLIRContext *context = &getContext();
    LLVMTypeConverter converter(context);
    RewritePatternSet patterns(context);
    cpu::populateStepToLLVM(converter, patterns, sizes(module));
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    return applyFullConversion(module, target, std::move(patterns));
  }

  static cpu::StepSizes sizes(ModuleOp module) {
    auto get = [&](StringRef name) {
      auto attr = module->getAttrOfType<IntegerAttr>(name);
      return attr ? attr.getInt() : 0;
    };
    return {get("tile.slots"), get("tile.worker_bytes")};
  }
};

} // namespace
