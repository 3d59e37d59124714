//===- MicaExpertOps.cpp - Verifiers: route, dispatch, products, combine --===//

#include "dialects/Mica/Mica.h"

using namespace mlir;
using namespace mica;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Emits "expects `what` to be of …, but got …" unless its shape behind the
/// rows is `wanted`.
static LogicalResult expectShape(Operation *op, StringRef what, Value value,
                                 ArrayRef<int64_t> wanted) {
  if (shapeOf(value).drop_front() == wanted)
    return success();
  InFlightDiagnostic error = op->emitOpError("expects ")
                             << what << " to be [rows";
  for (int64_t size : wanted)
    error << ", " << size;
  return error << "], but got " << value.getType();
}

LogicalResult RouteOp::verify() {
  int64_t experts = columnsOf(getLogits()), choices = getChoices();
  // route_c1
  if (failed(expectShape(*this, "weights", getWeights(), choices)))
    return failure();
  // route_c2
  if (choices < 1 || choices > experts)
    return emitOpError("expects 1 to ")
           << experts << " choices, but got " << choices;
  // route_c3
  int64_t groups = getGroups(), top = getTopGroups();
  if (groups < 1 || experts % groups || top < 1 || top > groups)
    return emitOpError("expects groups that divide ")
           << experts << " experts, and 1 of them or more at the top, but got "
           << groups << " and " << top;
  // route_c4
  int64_t size = experts / groups;
  if (top * size < choices)
    return emitOpError("expects groups of ")
           << choices << " experts or more at the top, but got " << top * size;
  // route_c5
  int64_t sum = getGroupSum();
  if (sum < 1 || sum > 2 || sum > size)
    return emitOpError("expects a sum of 1 or 2 experts of a group of ")
           << size << ", but got " << sum;
  // route_c6
  if (getBias() && getBias().getType().getShape() != ArrayRef(experts))
    return emitOpError("expects a bias of ")
           << experts << " elements, one per expert, but got "
           << getBias().getType();
  return success();
}

LogicalResult SortChoicesOp::verify() {
  // sort_choices_c1
  for (Value result : {getPlace(), getSource()})
    if (result.getType() != getExperts().getType())
      return emitOpError("expects places and sources of the experts' type ")
             << getExperts().getType() << ", but got " << result.getType();
  // sort_choices_c2
  if (failed(expectShape(*this, "parts", getParts(),
                         2 * shapeOf(getExperts())[1] + 4)))
    return failure();
  // sort_choices_c3
  if (static_cast<int64_t>(getCount()) < 1)
    return emitOpError("expects a positive count, but got ")
           << static_cast<int64_t>(getCount());
  return success();
}

LogicalResult DispatchOp::verify() {
  // dispatch_c1
  auto input = cast<RankedTensorType>(getInput().getType());
  RankedTensorType result = getResult().getType();
  if (failed(expectShape(*this, "result", getResult(),
                         {shapeOf(getSource())[1], columnsOf(getInput())})))
    return failure();
  // dispatch_c2
  if (result.getElementType() != input.getElementType() ||
      result.getEncoding() != input.getEncoding())
    return emitOpError("expects result to have the elements of ")
           << input << ", but got " << result;
  return success();
}

LogicalResult GroupedLinearOp::verify() {
  WeightType weight = getWeight().getType();
  // grouped_linear_c1
  if (!weight.isParts())
    return emitOpError("expects weight of 3 dimensions, but got ")
           << weight.getShape().size();
  if (columnsOf(getInput()) != weight.columns())
    return emitOpError("expects input to have ")
           << weight.columns() << " columns, but got " << columnsOf(getInput());
  // grouped_linear_c2
  int64_t choices = shapeOf(getExperts())[1];
  if (failed(
          expectShape(*this, "result", getResult(), {choices, weight.rows()})))
    return failure();
  // grouped_linear_c3
  if (int64_t found = choicesOf(getInput()); found && found != choices)
    return emitOpError("expects input to have ")
           << choices << " choices, but got " << found;
  // grouped_linear_c4
  if (getBias() &&
      getBias().getType().getShape() != weight.getShape().drop_back())
    return emitOpError("expects bias to be of ")
           << weight.parts() << "x" << weight.rows() << ", but got "
           << getBias().getType();
  // grouped_linear_c6
  if (!getSource() != !getParts())
    return emitOpError("expects source and parts, or none of them");
  // grouped_linear_c5
  return verifyProduct(*this);
}

LogicalResult CombineOp::verify() {
  // combine_c1
  if (failed(
          expectShape(*this, "weights", getWeights(), choicesOf(getInput()))))
    return failure();
  // combine_c2
  return expectShape(*this, "result", getResult(), columnsOf(getInput()));
}
