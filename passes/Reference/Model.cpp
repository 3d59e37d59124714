//===- Model.cpp - Reference: weights, stacks and groups ------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

/// The literal contents of a weight, or null.
static DenseElementsAttr valueOf(WeightOp weight) {
  return weight->getAttrOfType<DenseElementsAttr>("mica.value");
}

/// Emits a read of the weight `name`: of its constant, through its descriptor,
/// or by running the function that packs it.
static Value readWeight(Operation *user, FlatSymbolRefAttr name,
                        const TypeConverter &converter, OpBuilder &b) {
  Location loc = user->getLoc();
  Operation *symbol = SymbolTable::lookupNearestSymbolFrom(user, name);
  if (auto global = dyn_cast<memref::GlobalOp>(symbol)) {
    Value value = memref::GetGlobalOp::create(b, loc, global.getType(), name);
    if (isa<MemRefType>(global.getType().getElementType()))
      value = memref::LoadOp::create(b, loc, value);
    return value;
  }
  auto weight = cast<WeightOp>(symbol);
  auto type = cast<MemRefType>(converter.convertType(weight.getType()));
  if (weight.getPackAttr()) {
    SmallVector<Value> inputs;
    for (auto input : weight.getInputs()->getAsRange<FlatSymbolRefAttr>())
      inputs.push_back(readWeight(user, input, converter, b));
    return func::CallOp::create(b, loc, weight.getPackAttr(), type, inputs)
        .getResult(0);
  }
  if (valueOf(weight))
    return memref::GetGlobalOp::create(b, loc, type, name);
  Value global =
      memref::GetGlobalOp::create(b, loc, MemRefType::get({}, type), name);
  return memref::LoadOp::create(b, loc, global);
}

namespace {

struct Weight : Lowering<WeightOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(WeightOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    auto type = cast<MemRefType>(typeConverter->convertType(op.getType()));
    DenseElementsAttr value = valueOf(op);
    if (op.getPackAttr())
      b.eraseOp(op);
    else if (value)
      b.replaceOpWithNewOp<memref::GlobalOp>(
          op, op.getSymName(), b.getStringAttr("private"), type, value,
          /*constant=*/true, /*alignment=*/IntegerAttr());
    else
      b.replaceOpWithNewOp<memref::GlobalOp>(
          op, op.getSymName(), b.getStringAttr("public"),
          MemRefType::get({}, type), b.getUnitAttr(), /*constant=*/false,
          /*alignment=*/IntegerAttr());
    return success();
  }
};

struct GetWeight : Lowering<GetWeightOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(GetWeightOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOp(op, readWeight(op, op.getNameAttr(), *typeConverter, b));
    return success();
  }
};

/// One call per layer. A layer finds its part of the cache group by the index
/// that is passed with the buffers, and updates it in place.
struct Stack : Lowering<StackOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(StackOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    ArrayRef<ValueRange> caches = operands.getKv();
    SmallVector<int64_t> layers(caches.size(), 0);
    Value rows = operands.getInput().front();
    for (auto layer : op.getLayers().getAsRange<LayerAttr>()) {
      SmallVector<Value> arguments = {rows};
      SmallVector<Type> results = {rows.getType()};
      for (int64_t kv : layer.getKv()) {
        llvm::append_range(arguments, caches[kv]);
        arguments.back() = l.add(arguments.back(), l.index(layers[kv]++));
        llvm::append_range(results, caches[kv].getTypes());
      }
      for (int64_t shared : layer.getShared())
        llvm::append_range(arguments, operands.getShared()[shared]);
      for (FlatSymbolRefAttr weight : layer.getWeights())
        arguments.push_back(readWeight(op, weight, *typeConverter, b));
      rows = func::CallOp::create(b, op.getLoc(), layer.getFunction(), results,
                                  arguments)
                 .getResult(0);
    }
    SmallVector<ValueRange> results = {ValueRange(rows)};
    llvm::append_range(results, caches);
    b.replaceOpWithMultiple(op, results);
    return success();
  }
};

} // namespace

void mica::reference::populateModel(TypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<Weight, GetWeight, Stack>(converter, patterns.getContext());
}

void mica::reference::inlineGroups(ModuleOp module) {
  SmallVector<GroupOp> groups;
  module.walk([&](GroupOp group) { groups.push_back(group); });
  for (GroupOp group : groups) {
    YieldOp yield = group.getYield();
    group.replaceAllUsesWith(yield.getValues());
    yield.erase();
    Block *block = group->getBlock();
    block->getOperations().splice(Block::iterator(group),
                                  group.getBody().front().getOperations());
    group.erase();
  }
}
