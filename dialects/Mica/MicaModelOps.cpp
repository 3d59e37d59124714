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
  auto type = cast<WeightType>(getType());
  for (auto source : getSources()->getAsRange<SourceAttr>()) {
    rows += source.getRows();
    int64_t parts = type.isParts() ? type.parts() : 0;
    if (source.getParts() != parts)
      return emitOpError("expects sources of ")
             << parts << " parts, but got " << source.getParts();
  }
  if (rows != type.rows())
    return emitOpError("expects sources of ")
           << type.rows() << " rows in all, but got " << rows;
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

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &tables) {
  // weight_c2
  if (getPackAttr() &&
      !tables.lookupNearestSymbolFrom<func::FuncOp>(*this, getPackAttr()))
    return emitOpError("expects ") << getPackAttr() << " to be a function";
  if (getInputs())
    for (auto name : getInputs()->getAsRange<FlatSymbolRefAttr>())
      if (failed(lookUpWeight(*this, name, tables)))
        return failure();
  return success();
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

/// The type that `layer` of `stack` wants its function to have.
static FailureOr<FunctionType> typeOf(StackOp stack, LayerAttr layer,
                                      SymbolTableCollection &tables) {
  SmallVector<Type> inputs = {stack.getInput().getType()}, results = inputs;
  for (int64_t index : layer.getKv()) {
    inputs.push_back(stack.getKv()[index].getType());
    results.push_back(inputs.back());
  }
  for (int64_t index : layer.getShared())
    inputs.push_back(stack.getShared()[index].getType());
  for (FlatSymbolRefAttr name : layer.getWeights()) {
    // stack_c2
    FailureOr<WeightOp> weight = lookUpWeight(stack, name, tables);
    if (failed(weight))
      return failure();
    inputs.push_back(weight->getType());
  }
  return FunctionType::get(stack.getContext(), inputs, results);
}

LogicalResult StackOp::verify() {
  int64_t caches = getKv().size(), shared = getShared().size();
  for (auto layer : getLayers().getAsRange<LayerAttr>()) {
    // stack_c3
    for (int64_t index : layer.getKv())
      if (index < 0 || index >= caches)
        return emitOpError("expects a layer to use one of ")
               << caches << " caches, but got " << index;
      else if (llvm::count(layer.getKv(), index) > 1)
        return emitOpError("expects a layer to use a cache once, but got ")
               << index << " more often";
    for (int64_t index : layer.getShared())
      if (index < 0 || index >= shared)
        return emitOpError("expects a layer to use one of ")
               << shared << " shared operands, but got " << index;
  }
  // stack_c4
  if (getKv().getTypes() != getKvResults().getTypes())
    return emitOpError("expects results of the types of its caches, but got ")
           << getKvResults().getTypes();
  // stack_c5
  for (Value kv : getKv())
    if (failed(verifyLinear(*this, kv)))
      return failure();
  return success();
}

LogicalResult StackOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (auto layer : getLayers().getAsRange<LayerAttr>()) {
    // stack_c1
    auto function = tables.lookupNearestSymbolFrom<func::FuncOp>(
        *this, layer.getFunction());
    if (!function)
      return emitOpError("expects ")
             << layer.getFunction() << " to be a function";
    FailureOr<FunctionType> type = typeOf(*this, layer, tables);
    if (failed(type))
      return failure();
    if (function.getFunctionType() != *type)
      return emitOpError("expects ")
             << layer.getFunction() << " to be of type " << *type
             << ", but got " << function.getFunctionType();
  }
  return success();
}

BufferAttr mica::placeOf(Value tensor) {
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return function.getArgAttrOfType<BufferAttr>(argument.getArgNumber(),
                                                 "mica.buffer");
  }
  if (auto stack = tensor.getDefiningOp<StackOp>())
    return placeOf(stack.getInput());
  auto group = tensor.getDefiningOp<GroupOp>();
  if (!group || !group.getBuffers())
    return {};
  return dyn_cast<BufferAttr>(
      (*group.getBuffers())[cast<OpResult>(tensor).getResultNumber()]);
}

YieldOp GroupOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

static bool isAnchor(Operation &op) {
  return isa<ProductOpInterface, AttentionOp>(op);
}

Operation *GroupOp::getAnchor() {
  Block &body = getBody().front();
  auto found = llvm::find_if(body, isAnchor);
  return found == body.end() ? nullptr : &*found;
}

static LogicalResult verifyGranule(GroupOp group) {
  // group_c5
  if (!group.getGranule()) {
    if (group.getElastic())
      return group.emitOpError("expects a granule to be elastic, but got none");
    return success();
  }
  // group_c4
  Operation *anchor = group.getAnchor();
  int64_t granule = *group.getGranule();
  if (!anchor)
    return group.emitOpError("expects a contraction or attention of granule ")
           << granule << ", but got none";
  int64_t columns = columnsOf(anchor->getResult(0));
  if (auto heads = dyn_cast<HeadLinearOp>(anchor))
    columns = heads.getOutputs();
  if (granule < 1 || (!group.getElastic() && columns % granule))
    return group.emitOpError("expects a granule that divides the ")
           << columns << " columns of '" << anchor->getName() << "', but got "
           << granule;
  return success();
}

LogicalResult GroupOp::verify() {
  // group_c1
  int64_t anchors = llvm::count_if(getBody().front(), isAnchor);
  if (anchors > 1)
    return emitOpError("expects one contraction or attention, but got ")
           << anchors;
  // group_c2
  if (getBuffers() && getBuffers()->size() != getNumResults())
    return emitOpError("expects a buffer for each of ")
           << getNumResults() << " results, but got " << getBuffers()->size();
  // group_c3
  auto yield = dyn_cast<YieldOp>(getBody().front().back());
  if (!yield)
    return emitOpError("expects its body to end with a mica.yield");
  if (yield.getOperandTypes() != getResultTypes())
    return emitOpError("expects to yield values of types ")
           << getResultTypes() << ", but got " << yield.getOperandTypes();
  return verifyGranule(*this);
}
