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
  Value packed(Value weight, Attribute element, LayoutAttr layout,
               Operation *user) {
    OpBuilder b(user);
    if (auto group = user->getParentOfType<GroupOp>())
      b.setInsertionPoint(group);
    auto type = cast<WeightType>(weight.getType());
    auto result =
        WeightType::get(b.getContext(), type.getShape(), element, layout);
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

  /// How the elements of a matrix are packed: a block format as it is.
  Attribute elementOf(WeightType type) {
    FormatAttr format = type.getFormat();
    return format && format.getBlocks() ? Attribute(format)
                                        : TypeAttr::get(dtype);
  }

  LayoutAttr panelLayout(WeightType type, int64_t granule) {
    if (auto format = dyn_cast<FormatAttr>(elementOf(type)))
      return LayoutAttr::get(&getContext(), panel, 4, granule,
                             format.getBlocks().block(panel));
    int64_t group = perDword(dtype);
    // No padding of K beyond a pair, for which rows end in zeros: what a buffer
    // holds after that may be a NaN, which times a weight of zero is one too.
    return LayoutAttr::get(&getContext(), panel, group, granule, group);
  }

  LayoutAttr panelLayout(ProductOpInterface linear) {
    return panelLayout(linear.getWeight().getType(),
                       *linear->getParentOfType<GroupOp>().getGranule());
  }

  /// The layout of a table: that of the product which shares it, if any.
  LayoutAttr tableLayout(Value weight) {
    auto table = weight.getDefiningOp<GetWeightOp>();
    auto type = cast<WeightType>(weight.getType());
    LayoutAttr layout = isa<FormatAttr>(elementOf(type))
                            ? panelLayout(type, panel)
                            : rowLayout();
    if (table)
      getOperation().walk([&](ProductOpInterface linear) {
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
    Attribute f32 = TypeAttr::get(Float32Type::get(&getContext()));

    // Tables first: they ask how the products read the weight they share.
    SmallVector<std::pair<OpOperand *, LayoutAttr>> matrices, vectors;
    getOperation().walk([&](Operation *op) {
      if (isa<PackOp>(op))
        return;
      for (OpOperand &operand : op->getOpOperands()) {
        auto type = dyn_cast<WeightType>(operand.get().getType());
        if (!type || type.getLayout())
          continue;
        if (isa<EmbeddingOp, NgramEmbeddingOp>(op))
          matrices.push_back({&operand, tableLayout(operand.get())});
        else if (auto product = dyn_cast<ProductOpInterface>(op);
                 product && operand.get() == product.getWeight())
          matrices.push_back({&operand, panelLayout(product)});
        else
          vectors.push_back({&operand, rowLayout()});
      }
    });
    for (auto [operand, layout] : matrices)
      operand->set(packed(operand->get(),
                          elementOf(cast<WeightType>(operand->get().getType())),
                          layout, operand->getOwner()));
    for (auto [operand, layout] : vectors) {
      auto type = cast<WeightType>(operand->get().getType());
      Type element = type.getElementType();
      bool isIndex = element && element.isInteger();
      operand->set(packed(operand->get(), isIndex ? type.getElement() : f32,
                          layout, operand->getOwner()));
    }
    getOperation().walk([](PackOp pack) {
      if (pack.use_empty())
        pack.erase();
    });
  }

  int64_t panel = 0;
  Type dtype;
};

} // namespace
