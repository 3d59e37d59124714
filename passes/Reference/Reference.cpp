//===- Reference.cpp - Lower mica to naive loops --------------------------===//

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Reference/Passes.h"
#include "passes/Reference/Patterns.h"

namespace mica {
#define GEN_PASS_DEF_REFERENCEPASS
#include "passes/Reference/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// Values to buffers, as the table of `--mica-reference` says.
struct BufferConverter : TypeConverter {
  BufferConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type) {
      // Integers with scales are what they stand for.
      bool groups = isa_and_nonnull<tile::GroupsAttr>(type.getEncoding());
      if (isAngles(type))
        return MemRefType::get({type.getDimSize(0), type.getDimSize(1), 2},
                               Float32Type::get(type.getContext()));
      return MemRefType::get(type.getShape(),
                             groups ? Float32Type::get(type.getContext())
                                    : type.getElementType());
    });
    addConversion([](WeightType type) {
      Type element = type.getElementType();
      return MemRefType::get(type.getShape(),
                             element ? element
                                     : Float32Type::get(type.getContext()));
    });
    addConversion([](BatchType type, SmallVectorImpl<Type> &types) {
      auto list = MemRefType::get(ShapedType::kDynamic,
                                  IntegerType::get(type.getContext(), 32));
      types.append(5, list);
      return success();
    });
    addConversion([](KVType type, SmallVectorImpl<Type> &types) {
      const int64_t any = ShapedType::kDynamic;
      Type element = type.getElement();
      if (element.isInteger())
        element = Float32Type::get(type.getContext());
      for (int64_t width : {type.getKey(), type.getValue()})
        types.push_back(
            MemRefType::get({any, any, any, type.getHeads(), width}, element));
      types.push_back(IndexType::get(type.getContext()));
      return success();
    });
    addConversion([](StateType type, SmallVectorImpl<Type> &types) {
      SmallVector<int64_t> shape(2, ShapedType::kDynamic);
      llvm::append_range(shape, type.getShape());
      Builder b(type.getContext());
      types.push_back(MemRefType::get(shape, b.getF64Type()));
      types.push_back(b.getIndexType());
      return success();
    });
    // Callers may make values of mica's types from buffers by such casts.
    addSourceMaterialization(cast);
    addTargetMaterialization(cast);
    addTargetMaterialization(
        [](OpBuilder &b, TypeRange types, ValueRange inputs, Location loc) {
          auto op = UnrealizedConversionCastOp::create(b, loc, types, inputs);
          return SmallVector<Value>(op.getResults());
        });
  }

  static Value cast(OpBuilder &b, Type type, ValueRange inputs, Location loc) {
    return UnrealizedConversionCastOp::create(b, loc, type, inputs)
        .getResult(0);
  }
};

/// Frees what a function allocates at its top level and does not return.
void freeBuffers(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return;
  Operation *end = function.getBody().front().getTerminator();
  OpBuilder b(end);
  for (auto alloc : function.getOps<memref::AllocOp>()) {
    bool escapes = llvm::any_of(alloc->getUsers(), [](Operation *user) {
      return isa<func::ReturnOp>(user) ||
             (isa<memref::CastOp>(user) &&
              llvm::any_of(user->getUsers(), llvm::IsaPred<func::ReturnOp>));
    });
    if (!escapes)
      memref::DeallocOp::create(b, end->getLoc(), alloc);
  }
}

struct Reference : mica::impl::ReferencePassBase<Reference> {
  using ReferencePassBase::ReferencePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    inlineGroups(module);
    if (capture)
      captureResults(module);
    if (failed(convert(module)))
      return signalPassFailure();
    SmallVector<UnrealizedConversionCastOp> casts;
    module.walk([&](UnrealizedConversionCastOp op) { casts.push_back(op); });
    reconcileUnrealizedCasts(casts);
    module.walk(freeBuffers);
  }

private:
  LogicalResult convert(ModuleOp module) {
    BufferConverter converter;
    RewritePatternSet patterns(&getContext());
    populateTokens(converter, patterns);
    populateNorms(converter, patterns);
    populateLinear(converter, patterns);
    populatePosition(converter, patterns);
    populateAttention(converter, patterns);
    populateCacheOps(converter, patterns);
    populateTokenSets(converter, patterns);
    populateRowLoops(converter, patterns);
    populateExperts(converter, patterns);
    populateLatent(converter, patterns);
    populateRecurrent(converter, patterns);
    populateElementwise(converter, patterns);
    populateModel(converter, patterns);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(getContext());
    target.addIllegalDialect<MicaDialect>();
    target.addLegalOp<ModuleOp, UnrealizedConversionCastOp>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) &&
             converter.isLegal(&op.getBody());
    });
    target.markUnknownOpDynamicallyLegal(
        [&](Operation *op) { return converter.isLegal(op); });
    return applyFullConversion(module, target, std::move(patterns));
  }
};

} // namespace

void mica::buildReferenceToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createSCFToControlFlowPass());
  // Rounding to bf16 is no instruction of every machine.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void mica::registerReference() {
  registerReferencePass();
  PassPipelineRegistration<>("mica-reference-to-llvm",
                             "The reference, ready to be run",
                             buildReferenceToLLVMPipeline);
}
