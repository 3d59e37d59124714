//===- QuantizeActivations.cpp - Activations as the target multiplies them ===//

#include "dialects/MicaTile/BlockCodes.h"
#include "mlir/IR/Remarks.h"
#include "passes/Graph/Passes.h"

namespace mica {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONSPASS
#include "passes/Graph/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Columns of i8 that share a scale.
constexpr int64_t kGroup = 32;
/// Rows from which on tiles of floats beat integers: what decoding weights
/// takes is shared by them.
constexpr int64_t kMany = 72;
/// The same beside products of floats in registers; and from which on vectors
/// of pairs beat those.
constexpr int64_t kManyFloats = 8, kManyPairs = 32;

/// `rows` with elements of `element`; of integers, many have type `values`.
RankedTensorType rowsOf(RankedTensorType rows, Type element, Type values) {
  Attribute encoding;
  if (element.isInteger())
    encoding = tile::GroupsAttr::get(rows.getContext(), kGroup, /*part=*/16,
                                     /*zero=*/0, values, values ? kMany : 0);
  return RankedTensorType::get(rows.getShape(), element, encoding);
}

/// The `mica.quantize` of `value` to `element` that stands right after it.
Value quantized(Value value, Type element, Type values) {
  auto type = rowsOf(cast<RankedTensorType>(value.getType()), element, values);
  for (Operation *user : value.getUsers())
    if (auto op = dyn_cast<QuantizeOp>(user))
      if (op.getType() == type)
        return op;
  OpBuilder b(value.getContext());
  b.setInsertionPointAfterValue(value);
  return QuantizeOp::create(b, value.getLoc(), type, value);
}

/// Gives rows of i8 the sums that all their products take.
void settleSums(QuantizeOp op) {
  tile::GroupsAttr groups = groupsOf(op.getResult());
  int64_t part = tile::kRun;
  std::optional<int64_t> zero;
  for (Operation *user : op->getUsers()) {
    tile::BlocksAttr blocks = cast<ProductOpInterface>(user)
                                  .getWeight()
                                  .getType()
                                  .getFormat()
                                  .getBlocks();
    part = std::min(part, blocks.mostSummed());
    int64_t own = blocks.zeroOfSums();
    zero = zero.value_or(own) == own ? own : 0;
  }
  groups = tile::GroupsAttr::get(op.getContext(), groups.getSize(), part,
                                 zero.value_or(0), groups.getValues(),
                                 groups.getFrom());
  op.getResult().setType(op.getType().cloneWithEncoding(groups));
}

struct QuantizeActivations
    : mica::impl::QuantizeActivationsPassBase<QuantizeActivations> {
  using QuantizeActivationsPassBase::QuantizeActivationsPassBase;

  /// Whether rows of i8 can meet the weight of `linear`.
  bool takesIntegers(ProductOpInterface linear) {
    // A head's columns begin anywhere: floats have no groups.
    if (isa<HeadLinearOp>(*linear))
      return false;
    WeightType weight = linear.getWeight().getType();
    tile::BlocksAttr blocks =
        weight.getFormat() ? weight.getFormat().getBlocks() : nullptr;
    if (!blocks)
      return false;
    if (blocks.hasIntegerDot() && weight.columns() % kGroup == 0)
      return true;
    // Rows in integers are the default beside integers alone.
    if (blocks.getFloats() && !activations)
      return false;
    auto because = [&](std::string reason) {
      remark::missed(
          linear->getLoc(),
          remark::RemarkOpts::name("quantize-activations").category("mica"))
          << remark::add("activations of {0} not in int8: {1}",
                         nameOf(linear.getProduct()), reason);
    };
    if (blocks.getFloats())
      because("codes of " + weight.getFormat().getName().lower() +
              " are floats");
    else
      because(llvm::formatv("groups of {0} of {1} columns, expected multiples "
                            "of 16 and of {2}",
                            blocks.getGroup(), weight.columns(), kGroup));
    return false;
  }

  /// The element type in which `linear` takes its rows.
  Type typeFor(ProductOpInterface linear) {
    Type wanted = activations;
    if (!wanted && linear.getWeight().getType().getFormat())
      wanted = IntegerType::get(&getContext(), 8);
    if (wanted && wanted.isInteger() && takesIntegers(linear))
      return wanted;
    if (wanted && !wanted.isInteger())
      return wanted;
    return target.hasDot(dtype) ? dtype : Float32Type::get(&getContext());
  }

  /// Whether `linear` has weights to decode for products of its rows' type.
  bool roundsMany(ProductOpInterface linear) {
    WeightType weight = linear.getWeight().getType();
    FormatAttr format = weight.getFormat();
    Type rows = getElementTypeOrSelf(linear.getInput());
    if (!format || !format.getBlocks() || !rows.isBF16() ||
        !target.hasDot(rows))
      return false;
    if (weight.columns() % tile::kRun == 0)
      return true;
    remark::missed(
        linear->getLoc(),
        remark::RemarkOpts::name("quantize-activations").category("mica"))
        << remark::add("products of {0} not in bf16: {1} columns, expected a "
                       "multiple of {2}",
                       nameOf(linear.getProduct()), weight.columns(),
                       tile::kRun);
    return false;
  }

  void runOnOperation() override {
    auto read = [&](StringRef name) {
      auto attribute = getOperation()->getAttrOfType<TypeAttr>(name);
      return attribute ? attribute.getValue() : Type();
    };
    target = getOperation()->getAttrOfType<TargetAttr>("mica.target");
    dtype = read("mica.dtype");
    activations = read("mica.activations");
    if (!target || !dtype) {
      getOperation().emitOpError(
          "expects attributes mica.target and mica.dtype");
      return signalPassFailure();
    }
    bool saysMany = false, saysManyFloats = false;
    int64_t manyFloats = target.getTiles() ? kManyFloats : kManyPairs;
    getOperation().walk([&](Operation *op) {
      Type wanted;
      if (auto linear = dyn_cast<ProductOpInterface>(op))
        wanted = typeFor(linear);
      else if (auto attention = dyn_cast<AttentionOp>(op))
        wanted = target.hasDot(dtype) &&
                         attention.getKv().getType().getElement() == dtype
                     ? dtype
                     : Type();
      if (!wanted || wanted.isF32() ||
          !getElementTypeOrSelf(op->getOperand(0)).isF32())
        return;
      // Rows of experts: how many meet a weight is not known from the step.
      Type many = isa<GroupedLinearOp>(op) ? Type() : target.getTiles();
      saysMany |= wanted.isInteger() && many;
      op->setOperand(0, quantized(op->getOperand(0), wanted, many));
      ++numQuantized;
      if (auto linear = dyn_cast<ProductOpInterface>(op);
          linear && roundsMany(linear)) {
        linear.setRoundWeightsFrom(manyFloats);
        saysManyFloats = true;
      }
    });
    getOperation().walk([&](QuantizeOp op) {
      if (groupsOf(op.getResult()))
        settleSums(op);
    });
    if (saysMany)
      remark::passed(
          getOperation().getLoc(),
          remark::RemarkOpts::name("quantize-activations").category("mica"))
          << remark::add("activations in int8, but {0} in steps of {1} rows or "
                         "more, where weights are rounded to it as well",
                         target.getTiles(), kMany);
    if (saysManyFloats)
      remark::passed(
          getOperation().getLoc(),
          remark::RemarkOpts::name("quantize-activations").category("mica"))
          << remark::add("weights rounded to {0} in steps of {1} rows or more, "
                         "beside activations in {0}",
                         BFloat16Type::get(&getContext()), manyFloats);
  }

  TargetAttr target;
  Type dtype, activations;
};

} // namespace
