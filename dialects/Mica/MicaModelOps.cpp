//===- MicaModelOps.cpp - Verifiers: weights, stacks, groups --------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mica;

LogicalResult WeightOp::verify() {
  if (!getSources())
    return success();
  // weight_c1
  int64_t rows = 0;
  for (auto source : getSources()->getAsRange<SourceAttr>())
    rows += source.getRows();
  int64_t wanted = cast<WeightType>(getType()).rows();
  if (rows != wanted)
    return emitOpError("expects sources of ")
           << wanted << " rows in all, but got " << rows;
  return success();
}

/// The `mica.weight` named `name`, or an error on `op`.
static FailureOr<WeightOp> lookUpWeight(Operation *op, FlatSymbolRefAttr name,
                                        SymbolTableCollection &tables) {
  auto weight = tables.lookupNearestSymbolFrom<WeightOp>(op, name);
  if (!weight)
    return op->emitOpError("expects ") << name << " to be a mica.weight";
  return weight;
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &tables) {
  // get_weight_c1
  FailureOr<WeightOp> weight = lookUpWeight(*this, getNameAttr(), tables);
  if (failed(weight))
    return failure();
  if (weight->getType() != getType())
    return emitOpError("expects a weight of type ")
           << getType() << ", but " << getNameAttr() << " is "
           << weight->getType();
  return success();
}

/// The argument types that `layer` of `stack` passes to its function.
static FailureOr<SmallVector<Type>>
argumentsOf(StackOp stack, LayerAttr layer, SymbolTableCollection &tables) {
  SmallVector<Type> types = {stack.getInput().getType()};
  if (layer.getKv() >= 0) {
    if (layer.getKv() >= static_cast<int64_t>(stack.getKv().size()))
      return stack.emitOpError("expects a cache operand ") << layer.getKv();
    types.push_back(stack.getKv()[layer.getKv()].getType());
  }
  for (int64_t index : layer.getShared()) {
    if (index < 0 || index >= static_cast<int64_t>(stack.getShared().size()))
      return stack.emitOpError("expects a shared operand ") << index;
    types.push_back(stack.getShared()[index].getType());
  }
  for (FlatSymbolRefAttr name : layer.getWeights()) {
    FailureOr<WeightOp> weight = lookUpWeight(stack, name, tables);
    if (failed(weight))
      return failure();
    types.push_back(weight->getType());
  }
  return types;
}

LogicalResult StackOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (auto layer : getLayers().getAsRange<LayerAttr>()) {
    auto function =
        tables.lookupNearestSymbolFrom<func::FuncOp>(*this, layer.getFunction());
    // stack_c1
    if (!function)
      return emitOpError("expects ") << layer.getFunction()
                                     << " to be a function";
    FailureOr<SmallVector<Type>> types = argumentsOf(*this, layer, tables);
    if (failed(types))
      return failure();
    // stack_c2
    if (function.getArgumentTypes() != ArrayRef<Type>(*types))
      return emitOpError("expects the operands of a layer to match ")
             << layer.getFunction() << " of type " << function.getFunctionType();
  }
  return success();
}

YieldOp GroupOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

LogicalResult GroupOp::verify() {
  // group_c1
  int attentions = 0, linears = 0;
  for (Operation &op : getBody().front()) {
    attentions += isa<AttentionOp>(op);
    linears += isa<LinearOp>(op);
  }
  if (attentions + linears > 1)
    return emitOpError("expects one contraction or attention, but got ")
           << attentions + linears;
  // group_c2
  if (getBuffers() && getBuffers()->size() != getNumResults())
    return emitOpError("expects a buffer for each of ")
           << getNumResults() << " results, but got " << getBuffers()->size();
  return success();
}
