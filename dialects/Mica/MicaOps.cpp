//===- MicaOps.cpp - Verifiers: tokens, linear, position, attention -------===//

#include "dialects/Mica/Mica.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mica;

/// Parses a list of types in parentheses, which may be empty.
static ParseResult parseTypes(OpAsmParser &parser,
                              SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
    return parser.parseType(types.emplace_back());
  });
}

static void printTypes(OpAsmPrinter &printer, Operation *, TypeRange types) {
  printer << "(" << types << ")";
}

#include "dialects/Mica/MicaInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Mica/MicaOps.cpp.inc"

bool mica::isAngles(RankedTensorType type) {
  return isa<ComplexType>(type.getElementType());
}

/// Whether `type` is that of rows, and not of angles, or of one or more
/// integers of 32 bits a row.
static bool isRows(RankedTensorType type) {
  Type element = type.getElementType();
  return (type.getRank() == 2 || type.getRank() == 3) &&
         (isa<FloatType>(element) || element.isInteger(8));
}

int64_t mica::columnsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isRows(type) ? type.getShape().back() : 0;
}

int64_t mica::choicesOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isRows(type) && type.getRank() == 3 ? type.getDimSize(1) : 0;
}

tile::GroupsAttr mica::groupsOf(Value rows) {
  auto type = dyn_cast<RankedTensorType>(rows.getType());
  return type ? dyn_cast_or_null<tile::GroupsAttr>(type.getEncoding())
              : tile::GroupsAttr();
}

// f16 has no product of pairs.
int64_t mica::perDword(Type element) {
  return element.isInteger(8) ? 4 : element.isBF16() ? 2 : 1;
}

/// Emits "expects `what` to have `wanted` columns, but got …" unless it has.
LogicalResult mica::expectColumns(Operation *op, StringRef what, Value rows,
                                  int64_t wanted) {
  // Of integers as well, whose columns are no row's.
  int64_t found = cast<RankedTensorType>(rows.getType()).getShape().back();
  if (found == wanted)
    return success();
  return op->emitOpError("expects ")
         << what << " to have " << wanted << " columns, but got " << found;
}

static LogicalResult expectMatrix(Operation *op, StringRef what,
                                  WeightType weight) {
  if (weight.getShape().size() == 2)
    return success();
  return op->emitOpError("expects ")
         << what << " of 2 dimensions, but got " << weight.getShape().size();
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verify() {
  // embedding_c1
  if (failed(expectMatrix(*this, "table", getTable().getType())))
    return failure();
  // embedding_c2
  if (failed(expectColumns(*this, "result", getResult(),
                           getTable().getType().columns())))
    return failure();
  // embedding_c3
  int64_t rows = getTable().getType().rows();
  if (getRow() && (static_cast<int64_t>(*getRow()) < 0 ||
                   static_cast<int64_t>(*getRow()) >= rows))
    return emitOpError("expects a row among ")
           << rows << ", but got " << static_cast<int64_t>(*getRow());
  return success();
}

LogicalResult PoolRowsOp::verify() {
  // pool_rows_c1
  return expectColumns(*this, "result", getResult(), columnsOf(getInput()));
}

LogicalResult OutputRowsOp::verify() {
  // output_rows_c1
  if (failed(
          expectColumns(*this, "result", getResult(), columnsOf(getInput()))))
    return failure();
  // output_rows_c2
  Type found = getElementTypeOrSelf(getResult().getType());
  Type wanted = getElementTypeOrSelf(getInput().getType());
  if (found != wanted)
    return emitOpError("expects result to have elements of ")
           << wanted << ", but got " << found;
  return success();
}

LogicalResult PermuteColumnsOp::verify() {
  // permute_columns_c2
  WeightType order = getOrder().getType();
  Type element = order.getElementType();
  if (order.getShape() != ArrayRef(columnsOf(getInput())) || !element ||
      !element.isInteger(32))
    return emitOpError("expects an order of ")
           << columnsOf(getInput()) << " elements of i32, but got " << order;
  return success();
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  WeightType weight = getWeight().getType();
  // linear_c1
  if (failed(expectMatrix(*this, "weight", weight)) ||
      failed(expectColumns(*this, "input", getInput(), weight.columns())))
    return failure();
  // linear_c2
  if (failed(expectColumns(*this, "result", getResult(), weight.rows())))
    return failure();
  // linear_c3
  if (getBias() &&
      getBias().getType().getShape() != ArrayRef<int64_t>(weight.rows()))
    return emitOpError("expects bias to have ")
           << weight.rows() << " elements, one per output column, but got "
           << getBias().getType();
  return verifyProduct(*this);
}

LogicalResult mica::verifyProduct(ProductOpInterface op) {
  // linear_c4
  WeightType weight = op.getWeight().getType();
  Value input = op.getInput();
  FormatAttr format = weight.getFormat();
  if (getElementTypeOrSelf(input).isInteger() &&
      !(format && format.getBlocks()))
    return op->emitOpError("expects rows of i8 to meet a format with blocks, "
                           "but got ")
           << weight;
  // linear_c6
  if (tile::GroupsAttr groups = groupsOf(input);
      groups && !format.getBlocks().takes(groups))
    return op->emitOpError("expects rows with sums for ")
           << format.getBlocks() << ", but got " << groups;
  // linear_c5
  if (std::optional<uint64_t> from = op.getRoundWeightsFrom();
      from &&
      (static_cast<int64_t>(*from) < 1 || !(format && format.getBlocks()) ||
       !getElementTypeOrSelf(input).isBF16()))
    return op->emitOpError("expects round_weights_from to be positive, and "
                           "rows of bf16 to meet a format with blocks, but "
                           "got ")
           << static_cast<int64_t>(*from) << ", " << input.getType() << " and "
           << weight;
  return success();
}

LogicalResult QuantizeOp::verify() {
  // quantize_c1
  int64_t columns = columnsOf(getInput());
  if (failed(expectColumns(*this, "result", getResult(), columns)))
    return failure();
  if (choicesOf(getResult()) != choicesOf(getInput()))
    return emitOpError("expects result to have ")
           << choicesOf(getInput()) << " choices, but got "
           << choicesOf(getResult());
  // quantize_c2
  tile::GroupsAttr groups = groupsOf(getResult());
  bool integers = getElementTypeOrSelf(getResult()).isInteger();
  if (integers ? !groups || columns % groups.getSize() : !!groups)
    return emitOpError("expects i8 in groups that divide the columns, or "
                       "floats, but got ")
           << getType();
  return success();
}

OpFoldResult QuantizeOp::fold(FoldAdaptor) {
  return getType() == getInput().getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

/// Whether the shapes of weights differ at most in their numbers of rows.
static bool differInRowsAlone(WeightType a, WeightType b) {
  return a.withRows(b.rows()).getShape() == b.getShape();
}

LogicalResult PackOp::verify() {
  WeightType result = getResult().getType();
  int64_t rows = 0, interleave = getInterleave();
  // pack_c5
  if (getSources().empty())
    return emitOpError("expects a source, but got none");
  WeightType first = cast<WeightType>(getSources()[0].getType());
  for (Value source : getSources()) {
    auto type = cast<WeightType>(source.getType());
    rows += type.rows();
    // pack_c1
    if (!differInRowsAlone(type, first) ||
        (interleave && type.rows() != first.rows()))
      return emitOpError("expects sources of one shape, but got ")
             << first << " and " << type;
    // pack_c4
    if (interleave && type.rows() % interleave)
      return emitOpError("expects interleave to divide the ")
             << type.rows() << " rows of a source, but got " << interleave;
  }
  // pack_c2
  if (result.rows() != rows || !differInRowsAlone(result, first))
    return emitOpError("expects a result of ")
           << rows << " rows and the sources' columns, but got " << result;
  // pack_c3
  bool kept =
      getOffset().isZero() && llvm::all_of(getSources(), [&](Value source) {
        return cast<WeightType>(source.getType()).getElement() ==
               result.getElement();
      });
  if (!isa_and_nonnull<FloatType>(result.getElementType()) && !kept)
    return emitOpError("expects a result of a float type or of the element of "
                       "all sources, but got ")
           << result;
  return success();
}

/// Packing one weight to its own type changes nothing.
OpFoldResult PackOp::fold(FoldAdaptor) {
  bool plain = getSources().size() == 1 && getOffset().isZero() &&
               getSources()[0].getType() == getType();
  return plain ? OpFoldResult(getSources()[0]) : OpFoldResult();
}

LogicalResult SplitOp::verify() {
  int64_t columns = 0;
  for (Value result : getResults()) {
    columns += columnsOf(result);
    // split_c2
    if (getInterleave() < 1 || columnsOf(result) % getInterleave())
      return emitOpError("expects interleave to divide the ")
             << columnsOf(result) << " columns of a result, but got "
             << getInterleave();
  }
  // split_c1
  for (Value result : getResults())
    if (columnsOf(result) != columnsOf(getResult(0)))
      return emitOpError("expects results of one number of columns, but got ")
             << columnsOf(getResult(0)) << " and " << columnsOf(result);
  return expectColumns(*this, "input", getInput(), columns);
}

//===----------------------------------------------------------------------===//
// Position
//===----------------------------------------------------------------------===//

LogicalResult RopeAnglesOp::verify() {
  // rope_angles_c1
  int64_t pairs = getFrequencies().size();
  if (getResult().getType().getDimSize(1) != pairs)
    return emitOpError("expects a result of [rows, ")
           << pairs << "], one for each frequency, but got "
           << getResult().getType();
  return success();
}

LogicalResult RopeOp::verify() {
  // rope_c2
  int64_t head = getHead(), columns = columnsOf(getInput());
  if (head < 1 || columns % head)
    return emitOpError("expects head to divide the ")
           << columns << " input columns, but got " << head;
  // rope_c3
  int64_t pairs = cast<RankedTensorType>(getAngles().getType()).getDimSize(1);
  auto first = static_cast<int64_t>(getFirst());
  if (pairs < 0 || first < 0 || 2 * pairs > head - first)
    return emitOpError("expects at most ")
           << std::max<int64_t>(head - std::max<int64_t>(first, 0), 0) / 2
           << " angles from column " << first << " of a head of " << head
           << " on, but got " << pairs;
  return success();
}

//===----------------------------------------------------------------------===//
// Attention and cache
//===----------------------------------------------------------------------===//

/// Whether `use` of a cache makes another cache of it, so that the operand must
/// not be used after it.
static bool consumes(OpOperand &use) {
  return isa<KVAppendOp, KVWriteOp, StackOp, KVForkOp, KVEvictOp, KVMergeOp,
             KVImportOp, RopeShiftOp>(use.getOwner()) ||
         stateOf(use.getOwner());
}

LogicalResult mica::verifyLinear(Operation *op, Value kv) {
  for (OpOperand &use : kv.getUses()) {
    Operation *user = use.getOwner();
    if (user == op)
      continue;
    if (consumes(use))
      return op->emitOpError("expects a cache to be appended to once, but a ")
             << "'" << user->getName() << "' appends to the same";
    // The op around `op` that shares a block with what holds the reader.
    Operation *here = op, *there = nullptr;
    while (here && !(there = here->getBlock()->findAncestorOpInBlock(*user)))
      here = here->getParentOp();
    if (!here || !there->isBeforeInBlock(here))
      return op->emitOpError(
                 "expects every reader of its cache to precede it, ")
             << "but a '" << user->getName() << "' does not";
  }
  return success();
}

LogicalResult KVAppendOp::verify() {
  KVType kv = getKv().getType();
  // kv_append_c1
  if (failed(
          expectColumns(*this, "key", getKey(), kv.getHeads() * kv.getKey())))
    return failure();
  // kv_append_c2
  if (failed(expectColumns(*this, "value", getValue(),
                           kv.getHeads() * kv.getValue())))
    return failure();
  // kv_append_c3
  return verifyLinear(*this, getKv());
}

LogicalResult KVWriteOp::verify() {
  KVType kv = getKv().getType();
  // kv_write_c1
  int64_t width = getValue() ? kv.getValue() : kv.getKey();
  int64_t columns = columnsOf(getRows());
  if (!getFirst()) {
    if (failed(expectColumns(*this, "rows", getRows(), kv.getHeads() * width)))
      return failure();
  } else {
    auto first = static_cast<int64_t>(*getFirst());
    if (kv.getHeads() != 1 || first < 0 || first % 2 || columns % 2 ||
        first + columns > width)
      return emitOpError(
                 "expects an even number of columns from an even one on "
                 "within a cache of one head that is ")
             << width << " wide, but got " << columns << " from " << first
             << " on in " << kv;
    // kv_write_c3
    int64_t group = getValue() ? width : int64_t(KVType::keyGroup);
    if (kv.scales(getValue()) &&
        (first % group || (columns % group && first + columns != width)))
      return emitOpError("expects whole groups of ")
             << group << " columns of " << kv << ", but got " << columns
             << " from " << first << " on";
  }
  // kv_write_c2
  return verifyLinear(*this, getKv());
}

LogicalResult mica::verifyQueries(Operation *op, Value input, int64_t heads,
                                  KVType kv) {
  if (heads < 1 || heads % kv.getHeads())
    return op->emitOpError("expects heads to be a multiple of the cache's ")
           << kv.getHeads() << ", but got " << heads;
  return expectColumns(op, "input", input, heads * kv.getKey());
}

LogicalResult AttentionOp::verify() {
  KVType kv = getKv().getType();
  int64_t heads = getHeads();
  // attention_c1, attention_c2
  if (failed(verifyQueries(*this, getInput(), heads, kv)))
    return failure();
  // attention_c3
  if (failed(
          expectColumns(*this, "result", getResult(), heads * kv.getValue())))
    return failure();
  // attention_c4
  if (failed(verifyReach(*this, getMask(), kv)))
    return failure();
  // attention_c5
  if (getSinks() && getSinks().getType().getShape() != ArrayRef(heads))
    return emitOpError("expects sinks of ")
           << heads << " elements, one per query head, but got "
           << getSinks().getType();
  // attention_c7
  if (getSegments() &&
      failed(expectColumns(*this, "segments", getSegments(), 1)))
    return failure();
  // attention_c8
  if (bool(getBlocks()) != (getBlock() > 0))
    return emitOpError("expects a block of tokens, and the blocks that rows "
                       "see, or neither, but got a block of ")
           << static_cast<int64_t>(getBlock());
  // attention_c6
  if (getAlibi() && int64_t(getAlibi()->size()) != heads)
    return emitOpError("expects ")
           << heads << " slopes, one per query head, but got "
           << getAlibi()->size();
  return success();
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string mica::nameOf(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return "";
  if (auto quantize = dyn_cast<QuantizeOp>(result.getOwner()))
    return nameOf(quantize.getInput());
  auto name = result.getOwner()->getAttrOfType<StringAttr>(kNameAttribute);
  if (!name || result.getResultNumber() == 0)
    return name ? name.str() : "";
  return name.str() + "/" + std::to_string(result.getResultNumber());
}
