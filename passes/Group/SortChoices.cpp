//===- SortChoices.cpp - Rows of choices in the order of their experts ----===//

#include "passes/Group/Passes.h"

namespace mica {
#define GEN_PASS_DEF_SORTCHOICESPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// The product whose order the rows of `value`, which have choices, lie in;
/// null if no product of the block made them.
GroupedLinearOp productBehind(Value value) {
  Operation *def = value.getDefiningOp();
  while (def && !isa<GroupedLinearOp>(def)) {
    Operation *next = nullptr;
    for (Value operand : def->getOperands())
      if (choicesOf(operand) && operand.getDefiningOp() &&
          !operand.getDefiningOp<tensor::SplatOp>())
        next = operand.getDefiningOp();
    def = next;
  }
  return cast_or_null<GroupedLinearOp>(def);
}

struct SortChoices : mica::impl::SortChoicesPassBase<SortChoices> {
  using SortChoicesPassBase::SortChoicesPassBase;

  /// The tables of the choice `experts` among `count`, right behind it.
  SortChoicesOp tablesOf(Value experts, int64_t count) {
    auto it = tables.find(experts);
    if (it != tables.end())
      return it->second;
    OpBuilder b(&getContext());
    b.setInsertionPointAfterValue(experts);
    auto type = cast<RankedTensorType>(experts.getType());
    auto parts = type.clone({type.getDimSize(0), 2 * type.getDimSize(1) + 4});
    ++numSorted;
    return tables[experts] =
               SortChoicesOp::create(b, experts.getLoc(), type, type, parts,
                                     experts, b.getI64IntegerAttr(count));
  }

  void sort(GroupedLinearOp op) {
    SortChoicesOp order =
        tablesOf(op.getExperts(), op.getWeight().getType().parts());
    if (!choicesOf(op.getInput()))
      op.getInputMutable().assign(dispatched(op, order.getSource()));
    op.getSourceMutable().assign(order.getSource());
    op.getPartsMutable().assign(order.getParts());
  }

  /// The rows of `op` for each choice, made once for all products of them.
  Value dispatched(GroupedLinearOp op, Value source) {
    Value input = op.getInput();
    Value &copies = copiesOf[{input, source}];
    if (copies)
      return copies;
    OpBuilder b(op);
    auto rows = cast<RankedTensorType>(input.getType());
    int64_t choices = cast<RankedTensorType>(source.getType()).getDimSize(1);
    auto type =
        RankedTensorType::get({rows.getDimSize(0), choices, rows.getDimSize(1)},
                              rows.getElementType(), rows.getEncoding());
    return copies = DispatchOp::create(b, op.getLoc(), type, input, source);
  }

  /// Every op that reads rows of several choices reads those of one routing.
  LogicalResult checkOrder(Operation *op) {
    Value experts;
    for (Value operand : op->getOperands()) {
      if (!choicesOf(operand) || operand.getDefiningOp<tensor::SplatOp>())
        continue;
      GroupedLinearOp product = productBehind(operand);
      if (!product)
        continue;
      Value found = product.getExperts();
      auto grouped = dyn_cast<GroupedLinearOp>(op);
      if ((experts && experts != found) ||
          (grouped && grouped.getExperts() != found))
        return op->emitOpError(
            "expects rows that chose their experts together, "
            "but got those of two choices");
      experts = found;
    }
    return success();
  }

  void runOnOperation() override {
    auto walked = getOperation().walk([&](Operation *op) {
      return failed(checkOrder(op)) ? WalkResult::interrupt()
                                    : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    SmallVector<GroupedLinearOp> products;
    SmallVector<CombineOp> sums;
    getOperation().walk([&](GroupedLinearOp op) { products.push_back(op); });
    getOperation().walk([&](CombineOp op) { sums.push_back(op); });
    for (GroupedLinearOp op : products)
      sort(op);
    for (CombineOp op : sums)
      if (GroupedLinearOp product = productBehind(op.getInput()))
        op.getPlaceMutable().assign(tables.at(product.getExperts()).getPlace());
  }

  llvm::DenseMap<Value, SortChoicesOp> tables;
  llvm::DenseMap<std::pair<Value, Value>, Value> copiesOf;
};

} // namespace
