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
  return verifyNorm(*this, getInput(), getWeight().getType(), getEpsAttr(),
                    getGroup());
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
