//===- HoistPacks.cpp - Packed weights as symbols -------------------------===//

#include "passes/Group/Passes.h"

namespace mica {
#define GEN_PASS_DEF_HOISTPACKSPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

struct HoistPacks : mica::impl::HoistPacksPassBase<HoistPacks> {
  using HoistPacksPassBase::HoistPacksPassBase;

  /// The function that does what `pack` does; one for all alike.
  FlatSymbolRefAttr packFunction(PackOp pack) {
    auto type = FunctionType::get(&getContext(), pack.getOperandTypes(),
                                  pack->getResultTypes());
    auto key = std::make_tuple(Type(type), Attribute(pack.getInterleaveAttr()),
                               Attribute(pack.getOffsetAttr()));
    FlatSymbolRefAttr &name = functions[key];
    if (name)
      return name;
    OpBuilder b(&getContext());
    b.setInsertionPointToEnd(getOperation().getBody());
    auto function = func::FuncOp::create(
        b, pack.getLoc(), "pack_" + std::to_string(functions.size() - 1), type);
    function->setAttr("mica.pack_function", b.getUnitAttr());
    Block *body = function.addEntryBlock();
    b.setInsertionPointToEnd(body);
    IRMapping map;
    map.map(pack.getSources(), body->getArguments());
    func::ReturnOp::create(b, pack.getLoc(), b.clone(*pack, map)->getResults());
    return name = FlatSymbolRefAttr::get(function);
  }

  /// The packed weight that `pack` makes of `inputs`; one for all alike.
  FlatSymbolRefAttr packedWeight(Type type, FlatSymbolRefAttr by,
                                 ArrayAttr inputs) {
    FlatSymbolRefAttr &name = weights[{by, inputs}];
    if (name)
      return name;
    OpBuilder b(&getContext());
    b.setInsertionPointToStart(getOperation().getBody());
    std::string symbol = "packed";
    for (auto input : inputs.getAsRange<FlatSymbolRefAttr>())
      symbol += "." + input.getValue().str();
    auto weight =
        WeightOp::create(b, getOperation().getLoc(), b.getStringAttr(symbol),
                         TypeAttr::get(type), ArrayAttr(), by, inputs);
    table->insert(weight);
    return name = FlatSymbolRefAttr::get(weight);
  }

  /// Packs of weights that are named in place (`mica.get_weight`).
  void hoistNamed(func::FuncOp function) {
    SmallVector<PackOp> packs;
    function.walk([&](PackOp op) { packs.push_back(op); });
    for (PackOp pack : packs) {
      SmallVector<Attribute> inputs;
      for (Value source : pack.getSources())
        if (auto get = source.getDefiningOp<GetWeightOp>())
          inputs.push_back(get.getNameAttr());
      if (inputs.size() != pack.getSources().size())
        continue;
      OpBuilder b(pack);
      auto name = packedWeight(pack.getType(), packFunction(pack),
                               b.getArrayAttr(inputs));
      pack.replaceAllUsesWith(
          GetWeightOp::create(b, pack.getLoc(), pack.getType(), name)
              .getResult());
      pack.erase();
    }
    function.walk([](GetWeightOp get) {
      if (get.use_empty())
        get.erase();
    });
  }

  /// What a layer function packs: how, into what, from which of its weights.
  struct LayerPack {
    FlatSymbolRefAttr function;
    Type type;
    SmallVector<int64_t> sources;
  };

  /// Turns the weight arguments of a layer function, its last ones, into the
  /// packed weights that it reads, in the order of the result.
  SmallVector<LayerPack> rewriteLayer(func::FuncOp function) {
    SmallVector<LayerPack> result;
    Block &body = function.front();
    unsigned first = 0, old = body.getNumArguments();
    while (first < old && !isa<WeightType>(body.getArgument(first).getType()))
      ++first;
    SmallVector<PackOp> packs;
    function.walk([&](PackOp pack) { packs.push_back(pack); });
    for (PackOp pack : packs) {
      LayerPack &entry = result.emplace_back();
      entry.function = packFunction(pack);
      entry.type = pack.getType();
      for (Value source : pack.getSources())
        entry.sources.push_back(cast<BlockArgument>(source).getArgNumber() -
                                first);
      pack.replaceAllUsesWith(body.addArgument(pack.getType(), pack.getLoc()));
      pack.erase();
    }
    body.eraseArguments(first, old - first);
    function.setType(FunctionType::get(&getContext(), body.getArgumentTypes(),
                                       function.getResultTypes()));
    return result;
  }

  /// Rewrites the functions of the layers of `stack`, and the layers.
  void hoistLayers(StackOp stack) {
    llvm::MapVector<Attribute, SmallVector<LayerPack>> packsOf;
    SmallVector<Attribute> layers;
    OpBuilder b(&getContext());
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
      auto [it, isNew] = packsOf.insert({layer.getFunction(), {}});
      if (isNew)
        it->second = rewriteLayer(
            table->lookup<func::FuncOp>(layer.getFunction().getValue()));
      SmallVector<FlatSymbolRefAttr> weights;
      for (const LayerPack &pack : it->second) {
        SmallVector<Attribute> inputs;
        for (int64_t source : pack.sources)
          inputs.push_back(layer.getWeights()[source]);
        weights.push_back(
            packedWeight(pack.type, pack.function, b.getArrayAttr(inputs)));
      }
      layers.push_back(LayerAttr::get(&getContext(), layer.getFunction(),
                                      layer.getKv(), layer.getShared(),
                                      weights));
    }
    stack.setLayersAttr(b.getArrayAttr(layers));
  }

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    table = &symbols;
    SmallVector<StackOp> stacks;
    getOperation().walk([&](StackOp op) { stacks.push_back(op); });
    SmallVector<func::FuncOp> before(getOperation().getOps<func::FuncOp>());
    for (StackOp stack : stacks)
      hoistLayers(stack);
    for (func::FuncOp function : before)
      hoistNamed(function);
  }

  SymbolTable *table = nullptr;
  llvm::DenseMap<std::tuple<Type, Attribute, Attribute>, FlatSymbolRefAttr>
      functions;
  llvm::DenseMap<std::pair<Attribute, Attribute>, FlatSymbolRefAttr> weights;
};

} // namespace
