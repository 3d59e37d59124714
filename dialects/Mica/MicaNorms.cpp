//===- MicaNorms.cpp - Verifiers of norms ---------------------------------===//

#include "dialects/Mica/Mica.h"

using namespace mlir;
using namespace mica;

/// Verifies what norms have in common.
static LogicalResult verifyNorm(Operation *op, Value input, WeightType weight,
                                FloatAttr eps,
                                std::optional<int64_t> group = {}) {
  int64_t columns = columnsOf(input);
  // rms_norm_c2, add_rms_norm_c2, layer_norm_c2
  if (weight.getShape().size() != 1 || columns % weight.rows())
    return op->emitOpError("expects weight to be a vector whose size divides ")
           << "the " << columns << " input columns, but got " << weight;
  // rms_norm_c3, add_rms_norm_c3, layer_norm_c3
  if (!(eps.getValueAsDouble() > 0))
    return op->emitOpError("expects eps > 0, but got ") << eps;
  // rms_norm_c4, layer_norm_c4
  if (group && (*group < 1 || weight.rows() % *group))
    return op->emitOpError("expects group to divide the ")
           << weight.rows() << " elements of the weight, but got " << *group;
  return success();
}

LogicalResult RMSNormOp::verify() {
  if (getWeight())
    return verifyNorm(*this, getInput(), getWeight().getType(), getEpsAttr(),
                      getGroup());
  // rms_norm_c3
  if (!(getEps().convertToDouble() > 0))
    return emitOpError("expects eps > 0, but got ") << getEpsAttr();
  // rms_norm_c4
  int64_t columns = columnsOf(getInput());
  int64_t group = getGroup().value_or(columns);
  if (group < 1 || columns % group)
    return emitOpError("expects group to divide the ")
           << columns << " input columns, but got " << group;
  // rms_norm_c5
  if (getOffset().convertToDouble() != 0)
    return emitOpError("expects an offset of 0 without a weight, but got ")
           << getOffsetAttr();
  return success();
}

LogicalResult PositionScaleOp::verify() {
  // position_scale_c2
  if (static_cast<int64_t>(getInterval()) < 1)
    return emitOpError("expects an interval of 1 or more, but got ")
           << static_cast<int64_t>(getInterval());
  return success();
}

LogicalResult AddRMSNormOp::verify() {
  return verifyNorm(*this, getInput(), getWeight().getType(), getEpsAttr());
}

LogicalResult LayerNormOp::verify() {
  WeightType weight = getWeight().getType();
  if (failed(verifyNorm(*this, getInput(), weight, getEpsAttr(), getGroup())))
    return failure();
  // layer_norm_c2
  if (getBias() && getBias().getType().getShape() != weight.getShape())
    return emitOpError("expects weight and bias of one shape, but got ")
           << weight << " and " << getBias().getType();
  return success();
}
