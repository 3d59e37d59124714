//===- TileOps.cpp - Verifiers of the tile dialect ------------------------===//

#include "dialects/MicaTile/Tile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mica::tile;

#define GET_OP_CLASSES
#include "dialects/MicaTile/TileOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

/// Verifies what `load` and `store` have in common.
template <typename OpTy> static LogicalResult verifySegment(OpTy op) {
  MemRefType type = op.getBuffer().getType();
  // load_c1, store_c1
  if (static_cast<int64_t>(op.getIndices().size()) != type.getRank())
    return op.emitOpError("expects ")
           << type.getRank() << " indices, one per dimension of the buffer, "
           << "but got " << op.getIndices().size();
  // load_c2, store_c2
  int64_t last = -1;
  for (int64_t dim : op.getAlong()) {
    if (dim <= last || dim >= type.getRank())
      return op.emitOpError("expects `along` to name ascending dimensions of "
                            "the buffer, but got ")
             << dim;
    last = dim;
  }
  if (last < 0)
    return op.emitOpError("expects `along` to name a dimension, but got none");
  return success();
}

static bool isFloat(Type type) {
  return type.isF32() || type.isBF16() || type.isF16();
}

LogicalResult LoadOp::verify() {
  // load_c3
  Type element = getMemoryElementType();
  if (!isFloat(element))
    return emitOpError("expects elements of f32, bf16 or f16, but got ")
           << element;
  return verifySegment(*this);
}

LogicalResult StoreOp::verify() {
  // store_c3
  Type element = getMemoryElementType();
  if (!isFloat(element) && !element.isInteger(8))
    return emitOpError("expects elements of f32, bf16, f16 or i8, but got ")
           << element;
  return verifySegment(*this);
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Verifies that `region` begins with arguments of `types`, followed by one for
/// each capture. A null type accepts any f32 vector of rank 1.
static LogicalResult verifyArguments(Operation *op, Region &region,
                                     StringRef name, ArrayRef<Type> types,
                                     ValueRange captures) {
  SmallVector<Type> wanted(types);
  llvm::append_range(wanted, captures.getTypes());
  if (region.getNumArguments() != wanted.size())
    return op->emitOpError("expects region '")
           << name << "' to have " << wanted.size() << " arguments, but got "
           << region.getNumArguments();
  for (auto [index, type] : llvm::enumerate(region.getArgumentTypes())) {
    auto vector = dyn_cast<VectorType>(type);
    bool good = wanted[index] ? wanted[index] == type
                              : vector && vector.getRank() == 1 &&
                                    vector.getElementType().isF32();
    if (!good)
      return op->emitOpError("expects argument ")
             << index << " of region '" << name << "' to be "
             << (wanted[index] ? wanted[index]
                               : Float32Type::get(op->getContext()))
             << (wanted[index] ? "" : " in a vector") << ", but got " << type;
  }
  return success();
}

int64_t ContractOp::getSegment() {
  return cast<VectorType>(getEpilogue().getArgument(0).getType()).getDimSize(0);
}

int64_t ContractOp::getPanel() {
  MemRefType weight = getWeight().getType();
  return getBlocks() ? weight.getDimSize(3) / 4 : weight.getDimSize(2);
}

/// Verifies operands of integers, where there are any.
static LogicalResult verifyIntegers(ContractOp op) {
  // contract_c5
  std::optional<BlocksAttr> blocks = op.getBlocks();
  std::optional<GroupsAttr> groups = op.getGroups();
  MemRefType weight = op.getWeight().getType();
  MemRefType input = op.getInput().getType();
  if (weight.getElementType().isInteger() != blocks.has_value() ||
      input.getElementType().isInteger() != groups.has_value() ||
      (groups && !blocks))
    return op.emitOpError("expects i8 weights with blocks and i8 input with "
                          "groups, but got ")
           << weight << " and " << input;
  if (!blocks)
    return success();
  int64_t panel = op.getPanel();
  int64_t terms = static_cast<int64_t>(op.getTerms().value_or(0));
  if (weight.getDimSize(2) != blocks->lines(panel) || terms < 1 ||
      weight.getDimSize(1) * blocks->block(panel) !=
          static_cast<int64_t>(llvm::alignTo(terms, blocks->block(panel))))
    return op.emitOpError("expects ")
           << blocks->lines(panel) << " lines for each " << blocks->block(panel)
           << " of the terms, but got " << weight << " of " << terms;
  // contract_c8
  if (groups && !blocks->takes(*groups))
    return op.emitOpError("expects rows with sums for ")
           << *blocks << ", but got " << *groups;
  return success();
}

/// Verifies the columns of parts that have some of their own.
static LogicalResult verifySteps(ContractOp op) {
  // contract_c9
  auto in = static_cast<int64_t>(op.getInputStep());
  auto out = static_cast<int64_t>(op.getOutputStep());
  auto columns = static_cast<int64_t>(op.getColumns());
  if (in == 0 && out == 0)
    return success();
  if (in < 1 || out < columns || op.getRuns() || op.getGroups())
    return op.emitOpError("expects steps of 1 or more to ")
           << columns << " columns or more, without runs and groups, but got "
           << in << " to " << out;
  int64_t granule =
      op.getElastic() ? op.getSegment() : static_cast<int64_t>(op.getGranule());
  if (columns % granule)
    return op.emitOpError("expects granules of ")
           << granule << " columns to fill a part of " << columns;
  return success();
}

LogicalResult ContractOp::verify() {
  Type index = IndexType::get(getContext());
  // contract_c1
  if (failed(verifyArguments(*this, getEpilogue(), "epilogue",
                             {Type(), index, index}, getCaptures())))
    return failure();

  if (failed(verifyIntegers(*this)))
    return failure();

  // contract_c6
  if (std::optional<uint64_t> from = getRoundWeightsFrom();
      from && (static_cast<int64_t>(*from) < 1 || !getBlocks() ||
               !getInput().getType().getElementType().isBF16()))
    return emitOpError("expects round_weights_from to be positive, and rows of "
                       "bf16 to meet blocks, but got ")
           << static_cast<int64_t>(*from) << " and " << getInput().getType();

  // contract_c7
  auto parts = static_cast<int64_t>(getParts());
  if (parts < 1 || (getRuns() && getRuns().getType().getDimSize(1) != 2))
    return emitOpError("expects 1 or more parts and runs of pairs, but got ")
           << parts << " and "
           << (getRuns() ? Type(getRuns().getType())
                         : NoneType::get(getContext()));
  if (parts > 1 && !getRuns() && !getInputStep())
    return emitOpError("expects runs or steps for ") << parts << " parts";
  if (failed(verifySteps(*this)))
    return failure();

  // contract_c2
  MemRefType weight = getWeight().getType();
  int64_t panel = getPanel(), n = getColumns(), g = getGranule();
  int64_t padded = llvm::divideCeil(g, panel) * panel;
  int64_t rows = n / g * padded + llvm::divideCeil(n % g, panel) * panel;
  rows *= static_cast<int64_t>(getParts());
  if (weight.getDimSize(0) * panel != rows)
    return emitOpError("expects a weight of ")
           << rows << " padded rows, but got " << weight.getDimSize(0) * panel;

  // contract_c3
  int64_t k = getBlocks() ? static_cast<int64_t>(*getTerms())
                          : weight.getDimSize(1) * weight.getDimSize(3);
  if (getGroups())
    k = getGroups()->rowBytes(k);
  if (getInputStep())
    k += (parts - 1) * static_cast<int64_t>(getInputStep());
  if (getInput().getType().getDimSize(1) < k)
    return emitOpError("expects input rows of at least ")
           << k << " columns, but got " << getInput().getType().getDimSize(1);

  // contract_c4
  if (getElastic())
    return success();
  if (g % getSegment())
    return emitOpError(
               "expects a granule that is a multiple of the segment of ")
           << getSegment() << " columns, but got " << g;
  if (g > panel && n % g)
    return emitOpError("expects columns that are a multiple of the granule of ")
           << g << ", but got " << n;
  return success();
}

/// Verifies what a region of `stats` yields.
static LogicalResult verifyStats(RowsOp op, Region &region) {
  // rows_c3
  ValueRange values = region.front().getTerminator()->getOperands();
  auto type = values.size() == 1 ? dyn_cast<VectorType>(values[0].getType())
                                 : VectorType();
  if (!type || type.getRank() != 1 || !type.getElementType().isF32())
    return op.emitOpError("expects region 'stats' to yield one f32 vector");
  int64_t granule = op.getGranule();
  if (op.getColumns() % granule && type.getDimSize(0) != granule)
    return op.emitOpError("expects region 'stats' to yield ")
           << granule
           << " elements, since the last segment is partial, but got "
           << type.getDimSize(0);
  return success();
}

LogicalResult RowsOp::verify() {
  // rows_c2
  if (getKinds().size() != getStats().size())
    return emitOpError("expects one kind for each of ")
           << getStats().size() << " stats regions, but got "
           << getKinds().size();
  for (auto kind : getKinds().getAsValueRange<StringAttr>())
    if (kind != "add" && kind != "max")
      return emitOpError("expects kinds `add` and `max`, but got ") << kind;

  // rows_c1
  Type index = IndexType::get(getContext());
  SmallVector<Type> types = {index, index};
  for (Region &stats : getStats()) {
    if (failed(verifyArguments(*this, stats, "stats", types, getCaptures())))
      return failure();
    if (failed(verifyStats(*this, stats)))
      return failure();
    types.push_back(Float32Type::get(getContext()));
  }
  return verifyArguments(*this, getApply(), "apply", types, getCaptures());
}

LogicalResult EachOp::verify() {
  // each_c2
  if (static_cast<int64_t>(getBlock()) < 1)
    return emitOpError("expects a positive block, but got ")
           << static_cast<int64_t>(getBlock());
  // each_c1
  return verifyArguments(*this, getBody(), "body",
                         {IndexType::get(getContext())}, getCaptures());
}

LogicalResult AttendOp::verify() {
  Type index = IndexType::get(getContext());
  Type f32 = Float32Type::get(getContext());
  Type lane = VectorType::get(16, IntegerType::get(getContext(), 32));
  Type segment = VectorType::get(16, f32);
  // attend_c1
  if (failed(verifyArguments(*this, getBounds(), "bounds", {index},
                             getCaptures())) ||
      (!getMask().empty() &&
       failed(verifyArguments(*this, getMask(), "mask", {index, lane},
                              getCaptures()))) ||
      (!getScore().empty() &&
       failed(verifyArguments(*this, getScore(), "score",
                              {segment, index, index, lane}, getCaptures()))) ||
      failed(verifyArguments(*this, getOutput(), "output",
                             {VectorType::get(getValue(), f32), index, index},
                             getCaptures())))
    return failure();

  // attend_c3
  auto keys = cast<MemRefType>(getKeys().getType());
  auto values = cast<MemRefType>(getValues().getType());
  if (keys.getRank() != 7 || values.getRank() != 7)
    return emitOpError("expects keys and values of 7 dimensions, but got ")
           << keys.getRank() << " and " << values.getRank();

  // attend_c4
  size_t scales = keys.getElementType().isInteger() ? 2 : 0;
  if (getScales().size() != scales)
    return emitOpError("expects ")
           << scales << " scales of a cache of " << keys.getElementType()
           << ", but got " << getScales().size();

  // attend_c5
  int64_t bits = keys.getElementTypeBitWidth();
  if (int64_t(getBits()) != bits && !(scales && getBits() == 4))
    return emitOpError("expects ")
           << bits << (scales ? " or 4" : "") << " bits of a cache of "
           << keys.getElementType() << ", but got " << getBits();

  // attend_c6
  int64_t heads = getHeads();
  if (getSinks() && getSinks().getType().getDimSize(0) < heads)
    return emitOpError("expects sinks of ")
           << heads << " query heads, but got " << getSinks().getType();

  // attend_c2
  if (getHeads() % keys.getDimSize(2))
    return emitOpError("expects heads to be a multiple of ")
           << keys.getDimSize(2) << " kv-heads, but got " << getHeads();
  return success();
}
