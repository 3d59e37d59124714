//===- MergeLayers.cpp - Equal layer functions become one -----------------===//

#include "mlir/IR/OperationSupport.h"
#include "passes/Group/Passes.h"

namespace mica {
#define GEN_PASS_DEF_MERGELAYERSPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

bool areEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

struct MergeLayers : mica::impl::MergeLayersPassBase<MergeLayers> {
  using MergeLayersPassBase::MergeLayersPassBase;

  void mergeLayersOf(StackOp stack) {
    SymbolTable table(getOperation());
    SmallVector<func::FuncOp> kept;
    llvm::MapVector<Attribute, FlatSymbolRefAttr> merged;
    SmallVector<Attribute> layers;
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
      FlatSymbolRefAttr &name = merged[layer.getFunction()];
      if (!name) {
        auto function =
            table.lookup<func::FuncOp>(layer.getFunction().getValue());
        auto *same = llvm::find_if(kept, [&](func::FuncOp other) {
          return areEqual(other, function);
        });
        name = FlatSymbolRefAttr::get(same == kept.end() ? function : *same);
        if (same == kept.end())
          kept.push_back(function);
      }
      layers.push_back(LayerAttr::get(&getContext(), name, layer.getKv(),
                                      layer.getShared(), layer.getWeights()));
    }
    stack.setLayersAttr(ArrayAttr::get(&getContext(), layers));
    for (auto [from, to] : merged)
      if (from != to) {
        table.erase(table.lookup(cast<FlatSymbolRefAttr>(from).getValue()));
        ++numMerged;
      }
  }

  void runOnOperation() override {
    SmallVector<StackOp> stacks;
    getOperation().walk([&](StackOp op) { stacks.push_back(op); });
    for (StackOp stack : stacks)
      mergeLayersOf(stack);
  }
};

} // namespace
