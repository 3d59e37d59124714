//===- MicaRecurrentOps.cpp - Verifiers: layers that keep a state ---------===//

#include "dialects/Mica/Mica.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mica;

Value mica::stateOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ShortConvOp, SSMScanOp, GatedDeltaOp>(
          [](auto scan) { return scan.getState(); })
      .Default([](auto) { return Value(); });
}

static LogicalResult expectShape(Operation *op, StringRef what, WeightType type,
                                 ArrayRef<int64_t> wanted) {
  if (type.getShape() == wanted)
    return success();
  return op->emitOpError("expects ")
         << what << " of shape [" << wanted << "], but got " << type;
}

/// The state of `op` as [heads, key, value]; an error if it has other
/// dimensions.
static FailureOr<ArrayRef<int64_t>> headsOf(Operation *op, StateType state) {
  if (state.getShape().size() == 3)
    return state.getShape();
  return op->emitOpError("expects a state of 3 dimensions, but got ") << state;
}

/// Checks that `rows` are groups of `width` columns, whose number divides
/// `heads`.
static LogicalResult expectGroups(Operation *op, StringRef what, Value rows,
                                  int64_t heads, int64_t width) {
  int64_t columns = columnsOf(rows);
  if (columns % width == 0 && heads % (columns / width) == 0)
    return success();
  return op->emitOpError("expects ")
         << what << " of " << width << " columns for a divisor of " << heads
         << " heads, but got " << columns << " columns";
}

LogicalResult ShortConvOp::verify() {
  WeightType weight = getWeight().getType();
  int64_t columns = columnsOf(getInput());
  // short_conv_c2
  ArrayRef<int64_t> shape = weight.getShape();
  if (shape.size() != 2 || shape[0] < 2 || shape[1] != columns)
    return emitOpError("expects 2 taps or more of ")
           << columns << " columns, but got " << weight;
  // short_conv_c3
  if (getBias() &&
      failed(expectShape(*this, "bias", getBias().getType(), columns)))
    return failure();
  // short_conv_c4
  StateType state = getState().getType();
  if (state.getShape() != ArrayRef<int64_t>({shape[0] - 1, columns}))
    return emitOpError("expects a state of ")
           << shape[0] - 1 << " rows of " << columns << " columns, but got "
           << state;
  // short_conv_c5
  return verifyLinear(*this, getState());
}

LogicalResult SSMScanOp::verify() {
  // ssm_scan_c2
  auto shape = headsOf(*this, getState().getType());
  if (failed(shape))
    return failure();
  int64_t heads = (*shape)[0];
  if (failed(expectColumns(*this, "input", getInput(), heads * (*shape)[2])))
    return failure();
  // ssm_scan_c3
  if (failed(expectColumns(*this, "time", getTime(), heads)) ||
      failed(expectShape(*this, "time_bias", getTimeBias().getType(), heads)) ||
      failed(expectShape(*this, "a_log", getALog().getType(), heads)) ||
      failed(expectShape(*this, "skip", getSkip().getType(), heads)))
    return failure();
  // ssm_scan_c4
  if (failed(
          expectGroups(*this, "key and query", getKey(), heads, (*shape)[1])))
    return failure();
  // ssm_scan_c6
  double least = getLeast().convertToDouble();
  double most = getMost() ? getMost()->convertToDouble() : least;
  if (!(least >= 0) || !(least <= most))
    return emitOpError("expects 0 <= least <= most, but got ")
           << least << " and " << most;
  // ssm_scan_c5
  return verifyLinear(*this, getState());
}

LogicalResult GatedDeltaOp::verify() {
  // gated_delta_c2
  auto shape = headsOf(*this, getState().getType());
  if (failed(shape))
    return failure();
  int64_t heads = (*shape)[0], key = (*shape)[1];
  if (failed(expectColumns(*this, "value", getValue(), heads * (*shape)[2])))
    return failure();
  // gated_delta_c3
  if (failed(expectGroups(*this, "key and query", getKey(), heads, key)))
    return failure();
  // gated_delta_c4
  if (failed(expectColumns(*this, "beta", getBeta(), heads)))
    return failure();
  if (int64_t decay = columnsOf(getDecay());
      decay != heads && decay != heads * key)
    return emitOpError("expects decay to have ")
           << heads << " or " << heads * key << " columns, but got " << decay;
  // gated_delta_c5
  return verifyLinear(*this, getState());
}
