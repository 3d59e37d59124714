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
bool meet(ProductOpInterface a, ProductOpInterface b) {
  for (ProductOpInterface linear : {a, b})
    for (Operation *user : linear->getUsers())
      if (!OpTrait::hasElementwiseMappableTraits(user) &&
          !isa<tensor::DimOp>(user))
        return false;
  llvm::SetVector<Operation *> fromA, fromB;
  reach(a.getProduct(), fromA);
  reach(b.getProduct(), fromB);
  return llvm::any_of(fromA, [&](Operation *op) { return fromB.contains(op); });
}

/// Asks the input of `linear` for the number of rows.
void countRowsOfInput(ProductOpInterface linear) {
  for (Operation *user : llvm::make_early_inc_range(linear->getUsers()))
    if (auto dim = dyn_cast<tensor::DimOp>(user))
      dim.getSourceMutable().assign(linear.getInput());
}

/// Replaces `a` and `b` by one product over their interleaved weights.
void merge(ProductOpInterface a, ProductOpInterface b, int64_t interleave) {
  OpBuilder builder(b);
  Location loc = b.getLoc();
  countRowsOfInput(a);
  countRowsOfInput(b);
  auto pack = [&](Value x, Value y) -> Value {
    if (!x)
      return {};
    auto type = cast<WeightType>(x.getType());
    WeightType both = type.withRows(2 * type.rows());
    return PackOp::create(builder, loc, both, ValueRange{x, y},
                          builder.getI64IntegerAttr(interleave),
                          builder.getF32FloatAttr(0));
  };
  Value weight = pack(a.getWeight(), b.getWeight());
  Value bias = pack(a.getBias(), b.getBias());
  auto rows = cast<RankedTensorType>(a.getProduct().getType());
  SmallVector<int64_t> shape(rows.getShape());
  shape.back() *= 2;
  Operation *product = builder.clone(*b);
  product->getResult(0).setType(rows.clone(shape));
  product->replaceUsesOfWith(b.getWeight(), weight);
  if (bias)
    product->replaceUsesOfWith(b.getBias(), bias);
  if (a->hasAttr(kNameAttribute) && b->hasAttr(kNameAttribute))
    product->setAttr(kNameAttribute,
                     builder.getStringAttr(nameOf(a.getProduct()) + "+" +
                                           nameOf(b.getProduct())));
  auto split = SplitOp::create(builder, loc, TypeRange{rows, rows},
                               product->getResult(0), interleave);
  a.getProduct().replaceAllUsesWith(split.getResult(0));
  b.getProduct().replaceAllUsesWith(split.getResult(1));
  Block *block = b->getBlock();
  a.erase();
  b.erase();
  // What reads the first product may stand before the second.
  sortTopologically(block);
}

struct MergeLinears : mica::impl::MergeLinearsPassBase<MergeLinears> {
  using MergeLinearsPassBase::MergeLinearsPassBase;

  /// Whether `a` and `b` are one kind of product, of the same rows with weights
  /// of one type.
  static bool areAlike(ProductOpInterface a, ProductOpInterface b) {
    auto first = dyn_cast<GroupedLinearOp>(*a);
    auto second = dyn_cast<GroupedLinearOp>(*b);
    // Biases of experts are matrices, whose columns pack does not interleave.
    if (!first != !second || isa<HeadLinearOp>(*a) || isa<HeadLinearOp>(*b) ||
        (first && (first.getExperts() != second.getExperts() ||
                   first.getBias() || second.getBias())))
      return false;
    return a->getBlock() == b->getBlock() && a.getInput() == b.getInput() &&
           a.getProduct().getType() == b.getProduct().getType() &&
           !a.getBias() == !b.getBias() &&
           a.getWeight().getType() == b.getWeight().getType() &&
           a.getRoundWeightsFrom() == b.getRoundWeightsFrom();
  }

  /// Merges one pair of `linears`, if any can be.
  bool mergeOne(ArrayRef<ProductOpInterface> linears, int64_t panel) {
    for (size_t i = 0; i < linears.size(); ++i)
      for (size_t j = i + 1; j < linears.size(); ++j) {
        ProductOpInterface a = linears[i], b = linears[j];
        if (!areAlike(a, b) || !meet(a, b))
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
        SmallVector<ProductOpInterface> linears;
        function.walk([&](ProductOpInterface op) { linears.push_back(op); });
        changed = mergeOne(linears, target.getPanel());
      }
    }
  }
};

} // namespace
