//===- NameOps.cpp - Names by which people know the ops of a model --------===//

#include "passes/Graph/Passes.h"

namespace mica {
#define GEN_PASS_DEF_NAMEOPSPASS
#include "passes/Graph/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// The part of a symbol behind its layer: "down" of "l3.down".
StringRef withoutLayer(StringRef symbol) {
  auto [layer, rest] = symbol.rsplit('.');
  return rest.empty() ? symbol : rest;
}

bool makesRows(Operation *op) {
  return !isa<StackOp>(op) &&
         llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>) &&
         llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>);
}

struct NameOps : mica::impl::NameOpsPassBase<NameOps> {
  using NameOpsPassBase::NameOpsPassBase;

  /// Notes what the weights of layer functions are called in the first layer
  /// that is one.
  void nameArguments(StackOp stack) {
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
      auto function = getOperation().lookupSymbol<func::FuncOp>(
          layer.getFunction().getValue());
      if (!function || function.isExternal())
        continue;
      auto weights = layer.getWeights().begin();
      for (Value argument : function.getArguments())
        if (isa<WeightType>(argument.getType()) &&
            weights != layer.getWeights().end())
          symbolOf.insert({argument, (*weights++).getValue()});
    }
  }

  /// What `op` does: the weight that it reads, or else its mnemonic, also of an
  /// attention, whose weights (sinks, what keys are made of) are the least of
  /// it.
  StringRef wordFor(Operation *op) {
    for (Value operand : op->getOperands()) {
      if (isa<AttentionOp, LatentAttentionOp>(op))
        break;
      if (auto get = operand.getDefiningOp<GetWeightOp>())
        return withoutLayer(get.getName());
      if (auto it = symbolOf.find(operand); it != symbolOf.end())
        return withoutLayer(it->second);
    }
    StringRef word = op->getName().stripDialect();
    if (isa<arith::ArithDialect>(op->getDialect()))
      word.consume_back("f");
    return word;
  }

  void nameOps(func::FuncOp function) {
    llvm::StringMap<int64_t> seen;
    function.walk([&](Operation *op) {
      if (!makesRows(op))
        return;
      StringRef word = wordFor(op);
      int64_t count = ++seen[word];
      std::string name = word.str();
      if (count > 1)
        name += "#" + std::to_string(count);
      op->setAttr(kNameAttribute, StringAttr::get(&getContext(), name));
    });
  }

  void runOnOperation() override {
    getOperation().walk([&](StackOp stack) { nameArguments(stack); });
    for (auto function : getOperation().getOps<func::FuncOp>())
      nameOps(function);
  }

  llvm::DenseMap<Value, StringRef> symbolOf;
};

} // namespace
