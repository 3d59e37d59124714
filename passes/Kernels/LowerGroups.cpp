//===- LowerGroups.cpp - Groups as tile operations ------------------------===//
//
// Makes one function of tile phases for each layer function, and the entry from
// @step; then removes what they were made from. The tables of the manifest are
// collected on the way.
//
//===----------------------------------------------------------------------===//

#include "passes/Kernels/KernelContext.h"
#include "passes/Kernels/Outputs.h"

namespace mica {
#define GEN_PASS_DEF_LOWERGROUPSPASS
#include "passes/Kernels/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Rows of a sequence that one task of attention takes.
constexpr int64_t kAttendRows = 32;

struct LowerGroups : mica::impl::LowerGroupsPassBase<LowerGroups> {
  using LowerGroupsPassBase::LowerGroupsPassBase;

  /// Lowers the groups of `body`, phase by phase, into the context's function;
  /// `between` is called for every other op, in order.
  void lowerBody(KernelContext &context, Block &body, int64_t layers,
                 llvm::function_ref<void(Operation *)> between) {
    OpBuilder &b = context.b;
    tile::PhaseOp phase;
    int64_t current = -1;
    for (Operation &op : body) {
      auto group = dyn_cast<GroupOp>(op);
      if (!group) {
        between(&op);
        continue;
      }
      if (static_cast<int64_t>(group.getPhase()) != current) {
        current = group.getPhase();
        phase = startPhase(context, group);
      }
      refineName(phase, group);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(&phase.getBody().front());
      describe(group, phase.getId(), layers);
      outputs.add(context, group->getParentOfType<func::FuncOp>(), group,
                  phase.getId());
      if (group.getKind() == "linear")
        lowerLinear(context, group);
      else if (group.getKind() == "attention")
        lowerAttention(context, group);
      else if (group.getKind() == "reference")
        lowerReference(context, group);
      else if (group.getKind() == "route")
        lowerRoute(context, group);
      else if (group.getKind() == "sort_choices")
        lowerSort(context, group);
      else if (group.getKind() == "dispatch")
        lowerDispatch(context, group);
      else if (group.getKind() == "scan")
        lowerScan(context, group);
      else
        lowerRows(context, group);
    }
  }

  tile::PhaseOp startPhase(KernelContext &context, GroupOp group) {
    OpBuilder &b = context.b;
    auto phase =
        tile::PhaseOp::create(b, group.getLoc(), "", phases.size(),
                              context.step, context.worker, context.workers);
    phase.getBody().emplaceBlock();
    phases.push_back(b.getStringAttr(""));
    return phase;
  }

  /// The word for what `group` does, and how much it says of a phase.
  static std::pair<int, StringRef> wordFor(GroupOp group) {
    std::pair<int, StringRef> word = {1, "norm"};
    if (group.getKind() == "linear")
      word = {2, isLogits(group) ? "logits" : "projection"};
    if (group.getKind() == "attention")
      word = {3, "attention"};
    if (group.getKind() == "reference")
      word = {2, "reference"};
    for (StringRef kind : {"route", "sort_choices", "dispatch"})
      if (group.getKind() == kind)
        word = {2, kind};
    if (group.getKind() == "scan")
      word = {3, "scan"};
    group.getBody().walk([&](Operation *op) {
      if (isa<EmbeddingOp>(op))
        word = {1, "embedding"};
      if (isa<PermuteColumnsOp>(op))
        word = {1, "permute"};
      if (isa<CombineOp>(op))
        word = {1, "combine"};
      if (isa<GroupedLinearOp>(op) && word.first < 3)
        word = {3, "experts"};
      if (isa<SplitOp>(op))
        word = {3, "gate_up"};
      if (isa<KVWriteOp>(op))
        word = {4, "qkv"};
    });
    return word;
  }

  /// Names `phase` for the weightiest of its groups.
  void refineName(tile::PhaseOp phase, GroupOp group) {
    auto [weight, word] = wordFor(group);
    int &known = phaseWeight[phase.getId()];
    if (weight <= known)
      return;
    known = weight;
    phase.setName(word);
    phases[phase.getId()] = phase.getNameAttr();
  }

  /// The order of a packed weight in words: "bf16 [N/16][K/2][16][2]".
  static std::string layoutOf(WeightType type) {
    std::string text;
    llvm::raw_string_ostream os(text);
    LayoutAttr layout = type.getLayout();
    if (FormatAttr format = type.getFormat()) {
      os << format.getName() << " [N/" << layout.getPanel() << "][K/"
         << layout.getAlign() << "]";
      return text;
    }
    os << type.getElementType();
    if (layout)
      os << " [N/" << layout.getPanel() << "][K/" << layout.getGroup() << "]["
         << layout.getPanel() << "][" << layout.getGroup() << "]";
    return text;
  }

  /// The type of a product's operands, as the manifest's `work` names it: of
  /// integers also the bits of the greatest code and what shares a scale.
  static std::string operandsOf(ProductOpInterface linear) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << getElementTypeOrSelf(linear.getInput().getType());
    FormatAttr format = linear.getWeight().getType().getFormat();
    if (text == "i8" && format && format.getBlocks()) {
      tile::BlocksAttr blocks = format.getBlocks();
      text = "i" + std::to_string(llvm::Log2_64(blocks.greatestCode()) + 1) +
             (blocks.getGroup() % 32 ? "/16" : "/32");
    }
    return text;
  }

  /// The work of `group`, for roofline shares: bytes and operations follow from
  /// shapes and formats alone.
  void describe(GroupOp group, int64_t phase, int64_t layers) {
    Builder b(&getContext());
    auto integer = [&](StringRef name, int64_t value) {
      return b.getNamedAttr(name, b.getI64IntegerAttr(value));
    };
    SmallVector<NamedAttribute> entry = {integer("phase", phase),
                                         integer("times", layers)};
    for (Operation &op : group.getBody().front()) {
      if (auto linear = dyn_cast<ProductOpInterface>(op)) {
        WeightType type = linear.getWeight().getType();
        if (auto grouped = dyn_cast<GroupedLinearOp>(op))
          entry.append({integer("parts", type.parts()),
                        integer("choices", choicesOf(grouped.getResult()))});
        entry.append(
            {b.getNamedAttr("kind", b.getStringAttr("linear")),
             b.getNamedAttr("out_rows", b.getBoolAttr(hasOutputRows(group))),
             integer("n", isa<HeadLinearOp>(op) ? type.parts() * type.rows()
                                                : type.rows()),
             integer("k", type.columns()),
             b.getNamedAttr("layout", b.getStringAttr(layoutOf(type))),
             b.getNamedAttr("input", b.getStringAttr(operandsOf(linear))),
             integer("weight_bytes",
                     WeightType::get(&getContext(), type.getShape(),
                                     type.getElement(), LayoutAttr())
                         .sizeInBytes())});
      } else if (auto attention = dyn_cast<AttentionOp>(op)) {
        KVType kv = attention.getKv().getType();
        entry.append(
            {b.getNamedAttr("kind", b.getStringAttr("attention")),
             integer("heads", attention.getHeads()),
             integer("kv_heads", kv.getHeads()), integer("key", kv.getKey()),
             integer("value", kv.getValue()),
             integer("window", attention.getMask().getWindow()),
             integer("scale_bytes", 2 * (kv.scales(false) + kv.scales(true))),
             integer("element_bits", kv.getElement().getIntOrFloatBitWidth())});
      }
    }
    StringRef kind = group.getKind() == "scan" ? "scan" : "rows";
    if (entry.size() == 2)
      entry.push_back(b.getNamedAttr("kind", b.getStringAttr(kind)));
    work.push_back(b.getDictionaryAttr(entry));
  }

  static bool isLogits(GroupOp group) {
    auto buffers = group.getBuffersAttr();
    return llvm::any_of(buffers, [](Attribute place) {
      auto buffer = dyn_cast<BufferAttr>(place);
      return buffer && buffer.getArena() == tile::Arena::logits;
    });
  }

  /// `layer` over tile operations: (step, layer, worker, workers, its index in
  /// each of its cache groups).
  void lowerLayer(func::FuncOp layer, int64_t times) {
    OpBuilder b(layer);
    SmallVector<int64_t> groups;
    for (int i : llvm::seq(layer.getNumArguments()))
      if (auto group = layer.getArgAttrOfType<IntegerAttr>(i, "mica.kv_group"))
        groups.push_back(group.getInt());
    SmallVector<Type> types(4 + groups.size(), b.getIndexType());
    types[0] = tile::StepType::get(&getContext());
    auto function = func::FuncOp::create(b, layer.getLoc(),
                                         (layer.getName() + "_kernels").str(),
                                         b.getFunctionType(types, {}));
    function.setPrivate();
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    auto end = func::ReturnOp::create(b, layer.getLoc());
    b.setInsertionPoint(end);
    KernelContext context(b, layer.getLoc(), entry->getArgument(0),
                          entry->getArgument(1), entry->getArgument(2),
                          entry->getArgument(3));
    context.kvLayers = kvLayers;
    for (auto [i, group] : llvm::enumerate(groups))
      context.kvLayerOf[group] = entry->getArgument(4 + i);
    int64_t slot = 0;
    for (Value argument : layer.getArguments())
      if (isa<WeightType>(argument.getType()))
        context.slotOf[argument] = slot++;
    lowerBody(context, layer.front(), times, [](Operation *) {});
  }

  /// The layers of `stack`: a call each, and the table of their weights.
  void lowerStack(KernelContext &context, StackOp stack) {
    OpBuilder &b = context.b;
    SmallVector<int64_t> seen(kvLayers.size(), 0);
    for (auto [index, layer] :
         llvm::enumerate(stack.getLayers().getAsRange<LayerAttr>())) {
      SmallVector<Value> operands = {context.step, context.index(index),
                                     context.worker, context.workers};
      for (int64_t kv : layer.getKv())
        operands.push_back(context.index(seen[kv]++));
      func::CallOp::create(b, stack.getLoc(),
                           (layer.getFunction().getValue() + "_kernels").str(),
                           TypeRange(), operands);
    }
  }

  /// @mica_entry from @step.
  void lowerStep(func::FuncOp step, StackOp stack) {
    OpBuilder b(step);
    Type type = tile::StepType::get(&getContext()), index = b.getIndexType();
    auto function =
        func::FuncOp::create(b, step.getLoc(), "mica_entry",
                             b.getFunctionType({type, index, index}, {}));
    function->setAttr("tile.entry", b.getUnitAttr());
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    auto end = func::ReturnOp::create(b, step.getLoc());
    b.setInsertionPoint(end);
    // Weights that belong to no layer stand behind those of the last one.
    KernelContext context(b, step.getLoc(), entry->getArgument(0), Value(),
                          entry->getArgument(1), entry->getArgument(2));
    context.layer = context.index(stack.getLayers().size());
    context.kvLayers = kvLayers;
    llvm::MapVector<Attribute, int64_t> slots;
    step.walk([&](GetWeightOp get) {
      auto it = slots.insert({get.getNameAttr(), slots.size()}).first;
      context.slotOf[get.getResult()] = it->second;
    });
    stepWeights = llvm::to_vector(llvm::make_first_range(slots));
    // The plan is of rows in caches.
    if (!stack.getKv().empty())
      lowerPlan(context, kAttendRows);
    lowerBody(context, step.front(), 1, [&](Operation *op) {
      if (auto stack = dyn_cast<StackOp>(op))
        lowerStack(context, stack);
    });
  }

  void setTables(StackOp stack) {
    Builder b(&getContext());
    SmallVector<SmallVector<Attribute>> rows;
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>())
      rows.emplace_back(layer.getWeights().begin(), layer.getWeights().end());
    rows.push_back(stepWeights);
    size_t slots = 0;
    for (auto &row : rows)
      slots = std::max(slots, row.size());
    SmallVector<Attribute> table;
    for (auto &row : rows) {
      row.resize(slots, b.getUnitAttr());
      llvm::append_range(table, row);
    }
    auto module = getOperation();
    module->setAttr("tile.slots", b.getI64IntegerAttr(slots));
    module->setAttr("tile.layers", b.getI64IntegerAttr(rows.size()));
    module->setAttr("tile.weights", b.getArrayAttr(table));
    module->setAttr("tile.phases", b.getArrayAttr(phases));
    module->setAttr("tile.work", b.getArrayAttr(work));
    module->setAttr("tile.kv", describeCaches(stack));
    module->setAttr("tile.stack", describeLayers(stack));
    module->setAttr("tile.outputs", outputs.get(&getContext()));
    module->setAttr("tile.worker_bytes", b.getI64IntegerAttr(0));
  }

  ArrayAttr describeCaches(StackOp stack) {
    Builder b(&getContext());
    SmallVector<Attribute> groups;
    for (auto [index, value] : llvm::enumerate(stack.getKv())) {
      auto integer = [&](StringRef name, int64_t n) {
        return b.getNamedAttr(name, b.getI64IntegerAttr(n));
      };
      if (auto state = dyn_cast<StateType>(value.getType())) {
        auto [heads, key, values] = headsOf(state);
        groups.push_back(b.getDictionaryAttr(
            {b.getNamedAttr("name", b.getStringAttr("state")),
             integer("layers", kvLayers[index]), integer("heads", heads),
             integer("page_tokens", 0),
             integer("block_bytes", blockBytes(state)), integer("window", 0),
             b.getNamedAttr("element", b.getStringAttr("f32")),
             integer("key_dim", key), integer("value_dim", values)}));
        continue;
      }
      auto kv = cast<KVType>(value.getType());
      std::string element;
      llvm::raw_string_ostream(element) << kv.getElement();
      groups.push_back(b.getDictionaryAttr(
          {b.getNamedAttr("name",
                          b.getStringAttr(kv.getWindow() ? "window" : "full")),
           integer("layers", kvLayers[index]), integer("heads", kv.getHeads()),
           integer("page_tokens", kv.getPage()),
           integer("block_bytes", blockBytes(kv)),
           integer("window", kv.getWindow()),
           b.getNamedAttr("element", b.getStringAttr(element)),
           integer("key_dim", kv.getKey()),
           integer("value_dim", kv.getValue())}));
    }
    return b.getArrayAttr(groups);
  }

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    SmallVector<StackOp> stacks;
    if (step)
      step.walk([&](StackOp op) { stacks.push_back(op); });
    if (stacks.size() != 1) {
      getOperation().emitError("expects a function @step with one mica.stack");
      return signalPassFailure();
    }
    StackOp stack = stacks[0];
    kvLayers.assign(stack.getKv().size(), 0);
    llvm::MapVector<Attribute, int64_t> times;
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
      ++times[layer.getFunction()];
      for (int64_t kv : layer.getKv())
        ++kvLayers[kv];
    }
    SmallVector<func::FuncOp> done = {step};
    for (auto [name, count] : times) {
      auto layer = getOperation().lookupSymbol<func::FuncOp>(
          cast<FlatSymbolRefAttr>(name).getValue());
      lowerLayer(layer, count);
      done.push_back(layer);
    }
    lowerStep(step, stack);
    setTables(stack);
    for (func::FuncOp function : done)
      function.erase();
  }

  SmallVector<int64_t> kvLayers;
  SmallVector<Attribute> phases, work, stepWeights;
  llvm::DenseMap<int64_t, int> phaseWeight;
  OutputTable outputs;
};

} // namespace
