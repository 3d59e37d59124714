//===- ChooseLayouts.cpp - The layout of every weight ---------------------===//

#include "passes/Group/Passes.h"

namespace mica {
#define GEN_PASS_DEF_CHOOSELAYOUTSPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Rows that are read as vectors are padded to this many elements: one vector
/// of the narrowest supported panel.
constexpr int64_t kAlign = 16;

struct ChooseLayouts : mica::impl::ChooseLayoutsPassBase<ChooseLayouts> {
  using ChooseLayoutsPassBase::ChooseLayoutsPassBase;

  /// `weight` packed as `element` in `layout`, right before `user`.
  Value packed(Value weight, Type element, LayoutAttr layout, Operation *user) {
    OpBuilder b(user);
    if (auto group = user->getParentOfType<GroupOp>())
      b.setInsertionPoint(group);
    auto type = cast<WeightType>(weight.getType());
    auto result = WeightType::get(b.getContext(), type.getShape(),
                                  TypeAttr::get(element), layout);
    // A pack of the graph (interleaved sources) and this one are one.
    if (auto pack = weight.getDefiningOp<PackOp>())
      return PackOp::create(b, pack.getLoc(), result, pack.getSources(),
                            pack.getInterleaveAttr(), pack.getOffsetAttr());
    return PackOp::create(b, user->getLoc(), result, weight,
                          b.getI64IntegerAttr(0), b.getF32FloatAttr(0));
  }

  LayoutAttr rowLayout() {
    return LayoutAttr::get(&getContext(), 1, 1, 1, kAlign);
  }

  LayoutAttr panelLayout(LinearOp linear) {
    int64_t granule = *linear->getParentOfType<GroupOp>().getGranule();
    int64_t group = pairsOf(dtype);
    // No padding of K beyond a pair, for which rows end in zeros: what a buffer
    // holds after that may be a NaN, which times a weight of zero is one too.
    return LayoutAttr::get(&getContext(), panel, group, granule, group);
  }

  /// The layout of a table: that of the product which shares it, if any.
  LayoutAttr tableLayout(EmbeddingOp embedding) {
    auto table = embedding.getTable().getDefiningOp<GetWeightOp>();
    LayoutAttr layout = rowLayout();
    if (table)
      getOperation().walk([&](LinearOp linear) {
        auto other = linear.getWeight().getDefiningOp<GetWeightOp>();
        if (other && other.getName() == table.getName())
          layout = panelLayout(linear);
      });
    return layout;
  }

  void runOnOperation() override {
    auto target = getOperation()->getAttrOfType<TargetAttr>("mica.target");
    panel = target.getPanel();
    dtype = getOperation()->getAttrOfType<TypeAttr>("mica.dtype").getValue();
    Type f32 = Float32Type::get(&getContext());

    // Tables first: they ask how the products read the weight they share.
    SmallVector<std::pair<OpOperand *, LayoutAttr>> matrices, vectors;
    getOperation().walk([&](Operation *op) {
      if (isa<PackOp>(op))
        return;
      for (OpOperand &operand : op->getOpOperands()) {
        auto type = dyn_cast<WeightType>(operand.get().getType());
        if (!type || type.getLayout())
          continue;
        if (auto embedding = dyn_cast<EmbeddingOp>(op))
          matrices.push_back({&operand, tableLayout(embedding)});
        else if (type.getShape().size() == 2)
          matrices.push_back({&operand, panelLayout(cast<LinearOp>(op))});
        else
          vectors.push_back({&operand, rowLayout()});
      }
    });
    for (auto [operand, layout] : matrices)
      operand->set(packed(operand->get(), dtype, layout, operand->getOwner()));
    for (auto [operand, layout] : vectors)
      operand->set(packed(operand->get(), f32, layout, operand->getOwner()));
    getOperation().walk([](PackOp pack) {
      if (pack.use_empty())
        pack.erase();
    });
  }

  int64_t panel = 0;
  Type dtype;
};

} // namespace
