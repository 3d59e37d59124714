//===- Outputs.cpp - Where phases leave the rows of ops -------------------===//

#include "passes/Kernels/Outputs.h"

#include <variant>

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

/// An entry of a table: `fields` by name.
static DictionaryAttr entryOf(
    MLIRContext *context,
    ArrayRef<std::pair<StringRef, std::variant<int64_t, std::string>>> fields) {
  Builder b(context);
  NamedAttrList list;
  for (const auto &[name, value] : fields) {
    if (auto *number = std::get_if<int64_t>(&value))
      list.append(name, b.getI64IntegerAttr(*number));
    else if (const std::string &text = std::get<std::string>(value);
             !text.empty())
      list.append(name, b.getStringAttr(text));
  }
  return list.getDictionary(context);
}

static std::string toString(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

void OutputTable::add(func::FuncOp function, GroupOp group, int64_t phase,
                      Value value, const Place &place) {
  std::string name = nameOf(value);
  StringRef owner = function.getName();
  if (name.empty() || !seen.insert((owner + " " + name).str()).second)
    return;
  NamedAttrList entry(entryOf(
      group.getContext(),
      {{"function", owner.str()},
       {"op", name},
       {"phase", phase},
       {"arena", place.arena.str()},
       {"offset", place.offset},
       {"stride", place.stride},
       {"columns", cast<RankedTensorType>(value.getType()).getDimSize(1)},
       {"element", toString(place.element)},
       {"role", place.role.str()}}));
  entry.append("names", ArrayAttr::get(group.getContext(),
                                       namesBehind(group, unrounded(value))));
  if (place.bf16From)
    entry.append("bf16_from",
                 Builder(group.getContext()).getI64IntegerAttr(place.bf16From));
  entries.push_back(entry.getDictionary(group.getContext()));
}

void OutputTable::add(KernelContext &context, func::FuncOp function,
                      GroupOp group, int64_t phase) {
  ValueRange stored = group.getYield().getValues();
  for (auto [result, value] : llvm::zip(group.getResults(), stored)) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    // Of rows that are stored rounded as well, those that are not will do.
    // Rows of choices lie in an order of their own; indices are no rows.
    if (!type || !columnsOf(result) || choicesOf(result) ||
        type.getElementType().isInteger(32) ||
        (unrounded(value) != value &&
         llvm::is_contained(stored, unrounded(value))))
      continue;
    BufferAttr place = placeOf(result);
    tile::GroupsAttr groups = groupsOf(value);
    add(function, group, phase, value,
        {tile::stringifyArena(place.getArena()),
         static_cast<int64_t>(place.getOffset()),
         static_cast<int64_t>(place.getStride()), type.getElementType(),
         roleOf(function, result), groups ? groups.getFrom() : 0});
  }
  for (auto write : group.getBody().front().getOps<KVWriteOp>()) {
    // Integers, and parts of a key, are held beside what they become: the
    // attention.
    if (write.getKv().getType().getElement().isInteger() || write.getFirst())
      continue;
    auto rows = cast<RankedTensorType>(write.getRows().getType());
    add(function, group, phase, write.getRows(),
        {write.getValue() ? "values" : "keys", context.groupOf(write.getKv()),
         rows.getDimSize(1), write.getKv().getType().getElement(), ""});
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
    SmallVector<Attribute> groups, places;
    for (int64_t kv : layer.getKv()) {
      groups.push_back(b.getI64IntegerAttr(kv));
      places.push_back(b.getI64IntegerAttr(seen[kv]++));
    }
    layers.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("function", layer.getFunction().getAttr()),
         b.getNamedAttr("kv", b.getArrayAttr(groups)),
         b.getNamedAttr("kv_layer", b.getArrayAttr(places))}));
  }
  return b.getArrayAttr(layers);
}
