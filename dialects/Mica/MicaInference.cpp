//===- MicaInference.cpp - Result types from operands ---------------------===//

#include "dialects/Mica/Mica.h"

using namespace mlir;
using namespace mica;

/// Dimension 0 of a tensor: the rows of the step, or output rows.
static int64_t rowsOf(Value rows) {
  return cast<RankedTensorType>(rows.getType()).getDimSize(0);
}

static RankedTensorType f32Tensor(MLIRContext *context,
                                  ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, Float32Type::get(context));
}

/// One integer a row.
static RankedTensorType indices(MLIRContext *context) {
  return RankedTensorType::get({ShapedType::kDynamic},
                               IntegerType::get(context, 32));
}

LogicalResult TokensOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location>, Adaptor,
                                         SmallVectorImpl<Type> &types) {
  types.push_back(indices(context));
  return success();
}

LogicalResult PositionsOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location>, Adaptor,
                                            SmallVectorImpl<Type> &types) {
  types.push_back(indices(context));
  return success();
}

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location>,
                                            Adaptor operands,
                                            SmallVectorImpl<Type> &types) {
  auto table = cast<WeightType>(operands.getTable().getType());
  types.push_back(
      f32Tensor(context, {rowsOf(operands.getIds()), table.columns()}));
  return success();
}

LogicalResult OutputRowsOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location>,
                                             Adaptor operands,
                                             SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(operands.getInput().getType());
  types.push_back(RankedTensorType::get(
      {ShapedType::kDynamic, input.getDimSize(1)}, input.getElementType()));
  return success();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location>,
                                         Adaptor operands,
                                         SmallVectorImpl<Type> &types) {
  auto weight = cast<WeightType>(operands.getWeight().getType());
  types.push_back(
      f32Tensor(context, {rowsOf(operands.getInput()), weight.rows()}));
  return success();
}

LogicalResult RopeAnglesOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location>,
                                             Adaptor operands,
                                             SmallVectorImpl<Type> &types) {
  int64_t pairs = operands.getFrequencies().size();
  types.push_back(
      RankedTensorType::get({rowsOf(operands.getPositions()), pairs},
                            ComplexType::get(Float32Type::get(context))));
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location>,
                                            Adaptor operands,
                                            SmallVectorImpl<Type> &types) {
  int64_t value = cast<KVType>(operands.getKv().getType()).getValue();
  types.push_back(f32Tensor(context, {rowsOf(operands.getInput()),
                                      int64_t(operands.getHeads()) * value}));
  return success();
}

//===----------------------------------------------------------------------===//
// Written types
//===----------------------------------------------------------------------===//

// A type that is written down need not be the inferred one: rows may be static
// or dynamic. What it must be is a numbered constraint, checked with a better
// message by the verifiers of the ops.
bool TokensOp::isCompatibleReturnTypes(TypeRange, TypeRange) { return true; }
bool PositionsOp::isCompatibleReturnTypes(TypeRange, TypeRange) { return true; }
bool EmbeddingOp::isCompatibleReturnTypes(TypeRange, TypeRange) { return true; }
bool OutputRowsOp::isCompatibleReturnTypes(TypeRange, TypeRange) {
  return true;
}
bool LinearOp::isCompatibleReturnTypes(TypeRange, TypeRange) { return true; }
bool RopeAnglesOp::isCompatibleReturnTypes(TypeRange, TypeRange) {
  return true;
}
bool AttentionOp::isCompatibleReturnTypes(TypeRange, TypeRange) { return true; }
