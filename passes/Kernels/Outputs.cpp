//===- Outputs.cpp - Where phases leave the rows of ops -------------------===//

#include "passes/Kernels/Outputs.h"

using namespace mlir;
using namespace mica;

/// The names of the mica ops of `group` that `value` depends on, in order, and
/// that of `value` itself.
static SmallVector<Attribute> namesBehind(GroupOp group, Value value) {
  llvm::DenseSet<Operation *> needed = {value.getDefiningOp()};
  SmallVector<Attribute> names;
  Builder b(group.getContext());
  for (Operation &op : llvm::reverse(group.getBody().front())) {
    if (!needed.contains(&op))
      continue;
    for (Value operand : op.getOperands())
      if (Operation *def = operand.getDefiningOp())
        needed.insert(def);
    bool isLast = &op == value.getDefiningOp();
    if (op.hasAttr(kNameAttribute) &&
        (isLast || isa<MicaDialect>(op.getDialect())))
      names.push_back(
          b.getStringAttr(nameOf(isLast ? value : op.getResult(0))));
  }
  std::reverse(names.begin(), names.end());
  return names;
}

/// What `result` is to others: "layer", "embeddings", "logits", or nothing.
static StringRef roleOf(func::FuncOp function, Value result) {
  bool isStep = function.getName() == "step";
  for (OpOperand &use : result.getUses()) {
    if (isa<func::ReturnOp>(use.getOwner()) && use.getOperandNumber() == 0)
      return isStep ? "logits" : "layer";
    if (auto stack = dyn_cast<StackOp>(use.getOwner()))
      if (stack.getInput() == result)
        return "embeddings";
  }
  return "";
}

/// The f32 rows that a `mica.quantize` rounds; other rows themselves.
static Value unrounded(Value value) {
  auto quantize = value.getDefiningOp<QuantizeOp>();
  return quantize ? quantize.getInput() : value;
}

namespace {

/// One entry being made.
struct Entry {
  Builder b;
  SmallVector<NamedAttribute> fields;

  void add(StringRef name, int64_t value) {
    fields.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(value)));
  }
  void add(StringRef name, StringRef value) {
    if (!value.empty())
      fields.push_back(b.getNamedAttr(name, b.getStringAttr(value)));
  }
  void add(StringRef name, Type type) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    add(name, text);
  }
  void addPlace(StringRef arena, int64_t offset, int64_t stride,
                RankedTensorType type) {
    add("arena", arena);
    add("offset", offset);
    add("stride", stride);
    add("columns", type.getDimSize(1));
  }
};

} // namespace

void OutputTable::add(KernelContext &context, func::FuncOp function,
                      GroupOp group, int64_t phase) {
  static constexpr StringLiteral arenas[] = {"row", "out", "worker", "logits"};
  auto start = [&](Value value) -> std::optional<Entry> {
    std::string name = nameOf(value);
    if (name.empty() ||
        !seen.insert((function.getName() + " " + name).str()).second)
      return std::nullopt;
    Entry entry{Builder(group.getContext()), {}};
    entry.add("function", function.getName());
    entry.add("op", name);
    entry.fields.push_back(entry.b.getNamedAttr(
        "names", entry.b.getArrayAttr(namesBehind(group, unrounded(value)))));
    entry.add("phase", phase);
    return entry;
  };
  auto finish = [&](Entry &entry) {
    entries.push_back(entry.b.getDictionaryAttr(entry.fields));
  };
  ValueRange stored = group.getYield().getValues();
  for (auto [result, value] : llvm::zip(group.getResults(), stored)) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    // Of rows that are stored rounded as well, those that are not will do.
    if (!type || type.getRank() != 2 ||
        (unrounded(value) != value &&
         llvm::is_contained(stored, unrounded(value))))
      continue;
    auto entry = start(value);
    if (!entry)
      continue;
    BufferAttr place = placeOf(result);
    entry->addPlace(arenas[place.getArena()], place.getOffset(),
                    place.getStride(), type);
    entry->add("element", type.getElementType());
    entry->add("role", roleOf(function, result));
    finish(*entry);
  }
  for (auto write : group.getBody().front().getOps<KVWriteOp>()) {
    auto entry = start(write.getRows());
    if (!entry)
      continue;
    auto type = cast<RankedTensorType>(write.getRows().getType());
    entry->addPlace(write.getValue() ? "values" : "keys",
                    context.groupOf(write.getKv()), type.getDimSize(1), type);
    entry->add("element", write.getKv().getType().getElement());
    finish(*entry);
  }
}

ArrayAttr OutputTable::get(MLIRContext *context) const {
  return ArrayAttr::get(context, entries);
}

ArrayAttr mica::describeLayers(StackOp stack) {
  Builder b(stack.getContext());
  SmallVector<int64_t> seen(stack.getKv().size(), 0);
  SmallVector<Attribute> layers;
  for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
    Entry entry{b, {}};
    entry.add("function", layer.getFunction().getValue());
    entry.add("kv", layer.getKv());
    entry.add("kv_layer", layer.getKv() < 0 ? 0 : seen[layer.getKv()]++);
    layers.push_back(b.getDictionaryAttr(entry.fields));
  }
  return b.getArrayAttr(layers);
}
