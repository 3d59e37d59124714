//===- KernelContext.cpp - What the lowerings of a function share ---------===//

#include "passes/Kernels/KernelContext.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;

/// The first bytes of the row arena: 64 a row for the index in the cache and
/// the length of that, 64 for the tasks of attention (PlanWorkspace leaves room
/// for both).
static constexpr int64_t kPositionOffset = 0, kTasksOffset = 64;

/// What holds an element of the cache: of i4 a byte holds two.
static Type poolElement(KVType kv) {
  Type element = kv.getElement();
  return element.isInteger() ? IntegerType::get(kv.getContext(), 8) : element;
}

/// Elements of the pool of a head's keys and of its values in one page.
static std::pair<int64_t, int64_t> blockElements(KVType kv) {
  if (kv.getElement().isInteger(4))
    return {llvm::alignTo(kv.getKey(), 8) / 2 * kv.getPage(),
            llvm::alignTo(kv.getValue(), 32) / 2 * kv.getPage()};
  int64_t keys =
      llvm::alignTo(kv.getKey(), perDword(kv.getElement())) * kv.getPage();
  int64_t values = llvm::alignTo(kv.getValue(), 16) * kv.getPage();
  return {keys, values};
}

int64_t mica::blockBytes(KVType kv) {
  auto [keys, values] = blockElements(kv);
  int64_t scales = (kv.scales(false) + kv.scales(true)) * kv.getPage();
  return llvm::alignTo((keys + values) *
                               poolElement(kv).getIntOrFloatBitWidth() / 8 +
                           scales * int64_t(sizeof(uint16_t)),
                       64);
}

std::array<int64_t, 3> mica::headsOf(StateType state) {
  std::array<int64_t, 3> sizes = {1, 1, 1};
  llvm::copy(state.getShape(), sizes.end() - state.getShape().size());
  return sizes;
}

int64_t mica::blockBytes(StateType state) {
  auto [heads, key, value] = headsOf(state);
  return key * llvm::alignTo(value, 16) * int64_t(sizeof(float));
}

bool mica::hasOutputRows(GroupOp group) {
  ArrayAttr buffers = group.getBuffersAttr();
  return buffers && llvm::any_of(buffers, [](Attribute place) {
           auto buffer = dyn_cast<BufferAttr>(place);
           return buffer && buffer.getArena() != tile::Arena::row;
         });
}

SmallVector<Value> mica::captureOutside(ArrayRef<Region *> regions) {
  llvm::SetVector<Value> outside;
  for (Region *region : regions)
    getUsedValuesDefinedAbove(*region, *region, outside);
  for (Region *region : regions)
    for (Value value : outside) {
      if (region->empty())
        continue;
      Value argument = region->addArgument(value.getType(), value.getLoc());
      replaceAllUsesInRegionWith(value, argument, *region);
    }
  return outside.takeVector();
}

Value KernelContext::once(const std::string &key,
                          llvm::function_ref<Value()> make) {
  Value &value = made[key];
  if (value)
    return value;
  OpBuilder::InsertionGuard guard(b);
  if (last)
    b.setInsertionPointAfter(last);
  else
    b.setInsertionPointToStart(&step.getParentRegion()->front());
  value = make();
  last = value.getDefiningOp();
  return value;
}

Value KernelContext::index(int64_t value) {
  return once("index " + std::to_string(value), [&] {
    return arith::ConstantIndexOp::create(b, loc, value).getResult();
  });
}

Value KernelContext::bufferOf(Value tensor) {
  return bufferAt(placeOf(tensor), cast<RankedTensorType>(tensor.getType()));
}

Value KernelContext::bufferAt(BufferAttr place, RankedTensorType type) {
  SmallVector<int64_t> shape = {ShapedType::kDynamic, place.getStride()};
  Type element = type.getElementType();
  if (isAngles(type)) {
    shape = {ShapedType::kDynamic, 2, place.getStride() / 2};
    element = b.getF32Type();
  }
  auto memref = MemRefType::get(shape, element);
  std::string key;
  llvm::raw_string_ostream(key)
      << "buffer " << tile::stringifyArena(place.getArena()) << " "
      << place.getOffset() << memref;
  int64_t choices = type.getRank() == 3 ? type.getDimSize(1) : 0;
  return once(key, [&] {
    auto buffer = tile::BufferOp::create(b, loc, memref, step, worker,
                                         place.getArena(), place.getOffset());
    if (choices)
      buffer.setEach(choices);
    return buffer.getResult();
  });
}

Value KernelContext::flatBufferOf(Value table, int64_t columns) {
  BufferAttr place = placeOf(table);
  int64_t each = place.getStride() / columns;
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  if (columns > 1)
    shape.push_back(columns);
  auto memref = MemRefType::get(shape, b.getI32Type());
  return once("list " + std::to_string(place.getOffset()), [&] {
    auto buffer = tile::BufferOp::create(b, loc, memref, step, worker,
                                         place.getArena(), place.getOffset());
    buffer.setEach(each);
    return buffer.getResult();
  });
}

Value KernelContext::weightOf(Value weight) {
  auto type = cast<WeightType>(weight.getType());
  Type element = type.getFormat() ? b.getI8Type() : type.getElementType();
  auto memref = MemRefType::get(type.physicalShape(), element);
  int64_t slot = slotOf.lookup(weight);
  return once("weight " + std::to_string(slot), [&] {
    return tile::WeightOp::create(b, loc, memref, step, layer, slot)
        .getResult();
  });
}

int64_t KernelContext::groupOf(Value kv) {
  while (Operation *def = kv.getDefiningOp()) {
    if (auto write = dyn_cast<KVWriteOp>(def))
      kv = write.getKv();
    else if (Value state = stateOf(def))
      kv = state;
    else if (auto group = dyn_cast<GroupOp>(def))
      kv = group.getYield()->getOperand(cast<OpResult>(kv).getResultNumber());
    else
      break;
  }
  auto argument = cast<BlockArgument>(kv);
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  return function
      .getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), "mica.kv_group")
      .getInt();
}

Value KernelContext::poolOf(Value kv, bool values) {
  auto type = cast<KVType>(kv.getType());
  int64_t group = groupOf(kv), layers = kvLayers[group],
          g = perDword(poolElement(type));
  int64_t element = poolElement(type).getIntOrFloatBitWidth() / 8;
  int64_t block = blockBytes(type) / element;
  int64_t keys = blockElements(type).first, page = type.getPage();
  SmallVector<int64_t> shape = {ShapedType::kDynamic, layers, type.getHeads()};
  auto ceil = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  int64_t packed = type.getElement().isInteger(4) ? 2 : 1;
  if (values)
    shape.append({ceil(type.getValue(), 16 * packed), page / g, 16, g});
  else
    shape.append({page / 16, ceil(type.getKey(), g * packed), 16, g});
  SmallVector<int64_t> strides(7, 1);
  for (int i = 5; i > 2; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  strides[2] = block;
  strides[1] = block * type.getHeads();
  strides[0] = strides[1] * layers;
  auto memref = MemRefType::get(
      shape, poolElement(type),
      StridedLayoutAttr::get(b.getContext(), values ? keys : 0, strides));
  return once(
      std::string(values ? "values " : "keys ") + std::to_string(group), [&] {
        return tile::PoolOp::create(b, loc, memref, step, group).getResult();
      });
}

Value KernelContext::scalesOf(Value kv, bool values) {
  constexpr int64_t f16 = 2;
  auto type = cast<KVType>(kv.getType());
  int64_t group = groupOf(kv), layers = kvLayers[group];
  int64_t block = blockBytes(type) / f16, page = type.getPage();
  auto [keyElements, valueElements] = blockElements(type);
  int64_t offset = (keyElements + valueElements) / f16 +
                   (values ? type.scales(false) * page : 0);
  int64_t heads = type.getHeads();
  auto memref = MemRefType::get(
      {ShapedType::kDynamic, layers, heads, type.scales(values), page},
      b.getF16Type(),
      StridedLayoutAttr::get(
          b.getContext(), offset,
          {layers * heads * block, heads * block, block, page, 1}));
  return once(
      std::string(values ? "value" : "key") + " scales " +
          std::to_string(group),
      [&] {
        return tile::PoolOp::create(b, loc, memref, step, group).getResult();
      });
}

Value KernelContext::statesOf(Value state) {
  auto type = cast<StateType>(state.getType());
  int64_t group = groupOf(state), layers = kvLayers[group];
  auto [heads, key, value] = headsOf(type);
  auto memref = MemRefType::get({ShapedType::kDynamic, layers, heads, key,
                                 int64_t(llvm::alignTo(value, 16))},
                                b.getF32Type());
  return once("states " + std::to_string(group), [&] {
    return tile::PoolOp::create(b, loc, memref, step, group).getResult();
  });
}

static MemRefType indices(OpBuilder &b) {
  return MemRefType::get({ShapedType::kDynamic}, b.getI32Type());
}

Value KernelContext::kvTable(Value kv, tile::KVTable which) {
  int64_t group = groupOf(kv);
  return once("table " + std::to_string(group) + " " +
                  std::to_string(static_cast<int>(which)),
              [&] {
                return tile::KVTableOp::create(b, loc, indices(b), step, group,
                                               which)
                    .getResult();
              });
}

Value KernelContext::input(tile::Input which) {
  return once("input " + std::to_string(static_cast<int>(which)), [&] {
    return tile::InputOp::create(b, loc, indices(b), step, which).getResult();
  });
}

Value KernelContext::count(tile::Count which) {
  return once("count " + std::to_string(static_cast<int>(which)), [&] {
    return tile::CountOp::create(b, loc, b.getIndexType(), step, which)
        .getResult();
  });
}

Value KernelContext::countOfChoices(int64_t choices) {
  Value rows = count(tile::Count::rows);
  if (choices <= 1)
    return rows;
  return once("choices " + std::to_string(choices), [&] {
    return arith::MulIOp::create(b, loc, rows, index(choices)).getResult();
  });
}

Value KernelContext::kvPosition() {
  return once("position", [&] {
    return tile::BufferOp::create(b, loc, indices(b), step, worker,
                                  tile::Arena::row, kPositionOffset)
        .getResult();
  });
}

Value KernelContext::kvLengths() {
  return once("lengths", [&] {
    auto lists = tile::BufferOp::create(b, loc, indices(b), step, worker,
                                        tile::Arena::row, kPositionOffset);
    lists.setEach(2);
    return lists.getResult();
  });
}

Value KernelContext::attendTasks() {
  auto type = MemRefType::get({ShapedType::kDynamic, 4}, b.getI32Type());
  return once("tasks", [&] {
    return tile::BufferOp::create(b, loc, type, step, worker, tile::Arena::row,
                                  kTasksOffset)
        .getResult();
  });
}

void mica::emitEach(KernelContext &context, Value count, int64_t block,
              function_ref<void(tile::Emitter &, tile::Index)> body) {
  OpBuilder &b = context.b;
  Location loc = context.loc;
  auto each = tile::EachOp::create(b, loc, count, b.getI64IntegerAttr(block),
                             ValueRange());
  OpBuilder::InsertionGuard guard(b);
  Block *block0 = b.createBlock(&each.getBody(), {}, {b.getIndexType()}, {loc});
  tile::Emitter e(b, loc);
  body(e, e.index(block0->getArgument(0)));
  tile::YieldOp::create(b, loc, ValueRange());
  each.getCapturesMutable().assign(captureOutside(&each.getBody()));
}
