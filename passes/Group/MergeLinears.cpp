//===- MergeLinears.cpp - Gate and up as one interleaved product ----------===//

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/Remarks.h"
#include "passes/Group/Passes.h"

namespace mica {
#define GEN_PASS_DEF_MERGELINEARSPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Adds to `ops` the element-wise ops that `value` reaches through such ops.
void reach(Value value, llvm::SetVector<Operation *> &ops) {
  for (Operation *user : value.getUsers())
    if (OpTrait::hasElementwiseMappableTraits(user) && ops.insert(user))
      reach(user->getResult(0), ops);
}

/// Whether the results of `a` and `b` meet in an element-wise op, and serve
/// nothing else but their number of rows.
bool meet(LinearOp a, LinearOp b) {
  for (LinearOp linear : {a, b})
    for (Operation *user : linear->getUsers())
      if (!OpTrait::hasElementwiseMappableTraits(user) &&
          !isa<tensor::DimOp>(user))
        return false;
  llvm::SetVector<Operation *> fromA, fromB;
  reach(a.getResult(), fromA);
  reach(b.getResult(), fromB);
  return llvm::any_of(fromA, [&](Operation *op) { return fromB.contains(op); });
}

/// Asks the input of `linear` for the number of rows.
void countRowsOfInput(LinearOp linear) {
  for (Operation *user : llvm::make_early_inc_range(linear->getUsers()))
    if (auto dim = dyn_cast<tensor::DimOp>(user))
      dim.getSourceMutable().assign(linear.getInput());
}

/// Replaces `a` and `b` by one product over their interleaved weights.
void merge(LinearOp a, LinearOp b, int64_t interleave) {
  OpBuilder builder(b);
  Location loc = b.getLoc();
  countRowsOfInput(a);
  countRowsOfInput(b);
  auto pack = [&](Value x, Value y) -> Value {
    if (!x)
      return {};
    auto type = cast<WeightType>(x.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[0] *= 2;
    auto both = WeightType::get(x.getContext(), shape, type.getElement(),
                                LayoutAttr());
    return PackOp::create(builder, loc, both, ValueRange{x, y},
                          builder.getI64IntegerAttr(interleave),
                          builder.getF32FloatAttr(0));
  };
  Value weight = pack(a.getWeight(), b.getWeight());
  Value bias = pack(a.getBias(), b.getBias());
  auto rows = cast<RankedTensorType>(a.getType());
  auto both = RankedTensorType::get({rows.getDimSize(0), 2 * rows.getDimSize(1)},
                                    rows.getElementType());
  auto product =
      LinearOp::create(builder, loc, both, a.getInput(), weight, bias,
                       a.getRoundWeightsFromAttr());
  if (a->hasAttr(kNameAttribute) && b->hasAttr(kNameAttribute))
    product->setAttr(kNameAttribute, builder.getStringAttr(nameOf(a) + "+" +
                                                           nameOf(b)));
  auto split = SplitOp::create(builder, loc, TypeRange{rows, rows}, product,
                               interleave);
  a.replaceAllUsesWith(split.getResult(0));
  b.replaceAllUsesWith(split.getResult(1));
  Block *block = b->getBlock();
  a.erase();
  b.erase();
  // What reads the first product may stand before the second.
  sortTopologically(block);
}

struct MergeLinears : mica::impl::MergeLinearsPassBase<MergeLinears> {
  using MergeLinearsPassBase::MergeLinearsPassBase;

  /// Merges one pair of `linears`, if any can be.
  bool mergeOne(ArrayRef<LinearOp> linears, int64_t panel) {
    for (size_t i = 0; i < linears.size(); ++i)
      for (size_t j = i + 1; j < linears.size(); ++j) {
        LinearOp a = linears[i], b = linears[j];
        if (a->getBlock() != b->getBlock() || a.getInput() != b.getInput() ||
            a.getType() != b.getType() || !a.getBias() != !b.getBias() ||
            a.getWeight().getType() != b.getWeight().getType() ||
            a.getRoundWeightsFrom() != b.getRoundWeightsFrom() || !meet(a, b))
          continue;
        if (a.getWeight().getType().rows() % panel) {
          remark::missed(
              a.getLoc(),
              remark::RemarkOpts::name("merge-linears").category("mica"))
              << remark::add("not merged with the linear that it meets: {0} "
                             "columns are no multiple of the panel of {1}",
                             a.getWeight().getType().rows(), panel);
          continue;
        }
        merge(a, b, panel);
        ++numMerged;
        return true;
      }
    return false;
  }

  void runOnOperation() override {
    auto target = getOperation()->getAttrOfType<TargetAttr>("mica.target");
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      bool changed = true;
      while (changed) {
        SmallVector<LinearOp> linears;
        function.walk([&](LinearOp op) { linears.push_back(op); });
        changed = mergeOne(linears, target.getPanel());
      }
    }
  }
};

} // namespace
