//===- MicaNorms.cpp - Verifiers of norms ---------------------------------===//

#include "dialects/Mica/Mica.h"

using namespace mlir;
using namespace mica;

/// Verifies what `rms_norm` and `add_rms_norm` have in common.
static LogicalResult verifyRMSNorm(Operation *op, Value input,
                                   WeightType weight, FloatAttr eps) {
  int64_t columns = columnsOf(input);
  // rms_norm_c2, add_rms_norm_c2
  if (weight.getShape().size() != 1 || columns % weight.rows())
    return op->emitOpError("expects weight to be a vector whose size divides ")
           << "the " << columns << " input columns, but got " << weight;
  // rms_norm_c3, add_rms_norm_c3
  if (!(eps.getValueAsDouble() > 0))
    return op->emitOpError("expects eps > 0, but got ") << eps;
  return success();
}

LogicalResult RMSNormOp::verify() {
  return verifyRMSNorm(*this, getInput(), getWeight().getType(), getEpsAttr());
}

LogicalResult AddRMSNormOp::verify() {
  return verifyRMSNorm(*this, getInput(), getWeight().getType(), getEpsAttr());
}

LogicalResult LayerNormOp::verify() {
  int64_t columns = columnsOf(getInput());
  // layer_norm_c2
  for (Value vector : {Value(getWeight()), Value(getBias())})
    if (vector && cast<WeightType>(vector.getType()).getShape() !=
                      ArrayRef<int64_t>(columns))
      return emitOpError("expects weight and bias to have ")
             << columns << " elements, one per input column, but got "
             << vector.getType();
  // layer_norm_c3
  if (!(getEps().convertToDouble() > 0))
    return emitOpError("expects eps > 0, but got ") << getEpsAttr();
  return success();
}
