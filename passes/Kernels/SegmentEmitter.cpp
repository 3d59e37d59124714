//===- SegmentEmitter.cpp - A group's row ops on one segment --------------===//

#include "passes/Kernels/SegmentEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

//===----------------------------------------------------------------------===//
// Indices and loads
//===----------------------------------------------------------------------===//

Value SegmentEmitter::add(Value a, int64_t c) {
  if (c == 0)
    return a;
  Value offset = arith::ConstantIndexOp::create(b, loc, c);
  return arith::AddIOp::create(b, loc, a, offset);
}

Value SegmentEmitter::div(Value a, int64_t c) {
  if (c == 1)
    return a;
  Value by = arith::ConstantIndexOp::create(b, loc, c);
  return arith::DivUIOp::create(b, loc, a, by);
}

Value SegmentEmitter::rem(Value a, int64_t c) {
  if (c == 1)
    return arith::ConstantIndexOp::create(b, loc, 0);
  Value by = arith::ConstantIndexOp::create(b, loc, c);
  return arith::RemUIOp::create(b, loc, a, by);
}

Value SegmentEmitter::columnFor(int64_t own) { return div(n, columns / own); }

Value SegmentEmitter::loadIndex(Value table, Value at) {
  Value value = memref::LoadOp::create(b, loc, table, at);
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
}

Row SegmentEmitter::loadRow(Value buffer, Value row, Value column,
                            int64_t size) {
  auto type = VectorType::get(size, b.getF32Type());
  return this->row(LoadOp::create(b, loc, type, buffer,
                                  ValueRange{row, column},
                                  b.getDenseI64ArrayAttr({1})));
}

Row SegmentEmitter::get(Value value) {
  auto it = rows.find(value);
  if (it != rows.end())
    return it->second;
  int64_t own = columnsOf(value);
  return rows[value] = loadRow(context.bufferOf(value), m, columnFor(own),
                               segment * own / columns);
}

Row SegmentEmitter::loadVector(Value weight, int64_t period, int64_t size) {
  Value at = add(columnFor(columns), partOffset);
  if (period == size)
    at = arith::ConstantIndexOp::create(b, loc, 0);
  else if (period < columns)
    at = rem(at, period);
  auto type = VectorType::get(size, b.getF32Type());
  return row(LoadOp::create(b, loc, type, context.weightOf(weight), at,
                            b.getDenseI64ArrayAttr({0})));
}

Row SegmentEmitter::loadAngles(Value angles, int which, int64_t pairs) {
  Value half = arith::ConstantIndexOp::create(b, loc, which);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  auto type = VectorType::get(pairs, b.getF32Type());
  return row(LoadOp::create(b, loc, type, context.bufferOf(angles),
                            ValueRange{m, half, zero},
                            b.getDenseI64ArrayAttr({2})));
}

Scalar SegmentEmitter::reduce(Row a, bool isMax) {
  auto kind =
      isMax ? vector::CombiningKind::MAXIMUMF : vector::CombiningKind::ADD;
  return scalar(vector::ReductionOp::create(b, loc, kind, a.value));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void SegmentEmitter::emit(Operation *op) {
  if (auto rowOp = dyn_cast<RowOpInterface>(op))
    return emitRowOp(rowOp);
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    // Rounded where it is stored: the buffer has the type of the result.
    return set(quantize.getResult(), get(quantize.getInput()));
  if (auto split = dyn_cast<SplitOp>(op))
    return emitSplit(split);
  if (auto write = dyn_cast<KVWriteOp>(op))
    return emitWrite(write);
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    return emitEmbedding(embedding);
  if (auto angles = dyn_cast<RopeAnglesOp>(op))
    return emitAngles(angles);
  if (auto out = dyn_cast<OutputRowsOp>(op)) {
    Value from = loadIndex(context.input(Input::out_row), m);
    return set(out.getResult(), loadRow(context.bufferOf(out.getInput()), from,
                                        n, segment));
  }
  if (OpTrait::hasElementwiseMappableTraits(op) &&
      isa<TensorType>(op->getResult(0).getType()))
    return emitElementwise(op);
}

/// Runs the formula on each independent part of the segment.
void SegmentEmitter::emitRowOp(RowOpInterface op) {
  SmallVector<Row> inputs;
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<RankedTensorType>(operand.getType()))
      if (type.getRank() == 2)
        inputs.push_back(get(operand));
  int64_t size = inputs[0].size(), granule = op.getRowGranule();
  wholeRow = granule == columnsOf(op->getOperand(0)) && granule > size;
  int64_t part = granule && !wholeRow ? granule : size;
  SmallVector<SmallVector<Row>> parts(op->getNumResults());
  for (int64_t at = 0; at < size; at += part) {
    SmallVector<Row> slices;
    for (Row input : inputs)
      slices.push_back(input.slice(at, part));
    partOffset = at;
    for (auto [index, result] : llvm::enumerate(op.emitRow(*this, slices)))
      parts[index].push_back(result);
  }
  partOffset = 0;
  wholeRow = false;
  for (auto [result, pieces] : llvm::zip(op->getResults(), parts))
    set(result, pieces.size() == 1 ? pieces[0] : join(pieces));
}

/// The same op on vectors in the place of tensors.
void SegmentEmitter::emitElementwise(Operation *op) {
  int64_t own = columnsOf(op->getResult(0)), size = segment * own / columns;
  IRMapping map;
  for (Value operand : op->getOperands()) {
    if (!isa<RankedTensorType>(operand.getType()))
      continue;
    if (auto splat = operand.getDefiningOp<tensor::SplatOp>()) {
      Attribute value;
      (void)matchPattern(splat.getInput(), m_Constant(&value));
      map.map(operand, this->splat(cast<FloatAttr>(value).getValueAsDouble(),
                                   size).value);
    } else {
      map.map(operand, get(operand).value);
    }
  }
  Operation *copy = b.clone(*op, map);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  copy->getResult(0).setType(VectorType::get(size, type.getElementType()));
  set(op->getResult(0), row(copy->getResult(0)));
}

void SegmentEmitter::emitSplit(SplitOp op) {
  Row input = get(op.getInput());
  int64_t width = op.getInterleave(), count = op.getNumResults();
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    SmallVector<Row> pieces;
    for (int64_t at = index * width; at < input.size(); at += count * width)
      pieces.push_back(input.slice(at, width));
    set(result, pieces.size() == 1 ? pieces[0] : join(pieces));
  }
}

/// Stores each head of the segment at the row's slot, if it has one.
void SegmentEmitter::emitWrite(KVWriteOp op) {
  KVType kv = op.getKv().getType();
  bool values = op.getValue();
  int64_t width = values ? kv.getValue() : kv.getKey(), g = pairsOf(kv.getElement());
  Row rows = get(op.getRows());
  Value pool = context.poolOf(op.getKv(), values);
  Value slot = memref::LoadOp::create(
      b, loc, context.kvTable(op.getKv(), KVTable::slot), m);
  Value zero = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  Value on =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, slot, zero);
  Value head = div(columnFor(columnsOf(op.getRows())), width);
  SmallVector<Row> heads;
  for (int64_t at = 0; at < rows.size(); at += width)
    heads.push_back(rows.slice(at, width));

  auto guard = scf::IfOp::create(b, loc, on);
  OpBuilder::InsertionGuard restore(b);
  b.setInsertionPointToStart(guard.thenBlock());
  Value at = arith::IndexCastOp::create(b, loc, b.getIndexType(), slot);
  Value page = div(at, kv.getPage()), token = rem(at, kv.getPage());
  Value c0 = arith::ConstantIndexOp::create(b, loc, 0);
  for (auto [index, row] : llvm::enumerate(heads)) {
    SmallVector<Value> place = {page, context.kvLayer, add(head, index)};
    if (values)
      place.append({c0, div(token, g), c0, rem(token, g)});
    else
      place.append({div(token, 16), c0, rem(token, 16), c0});
    StoreOp::create(b, loc, row.value, pool, place,
                    b.getDenseI64ArrayAttr(values ? ArrayRef<int64_t>{3, 5}
                                                  : ArrayRef<int64_t>{4, 6}));
  }
}

/// Row `ids[m]` of a packed table: linear index n over [k / group] x [group].
void SegmentEmitter::emitEmbedding(EmbeddingOp op) {
  LayoutAttr layout = op.getTable().getType().getLayout();
  Value ids = op.getIds();
  auto which = ids.getDefiningOp<PositionsOp>() ? Input::position : Input::token;
  Value id = loadIndex(context.input(which), m);
  Value granule = div(id, layout.getGranule());
  Value scale =
      arith::ConstantIndexOp::create(b, loc, layout.paddedGranule());
  Value physical = arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, granule, scale),
      rem(id, layout.getGranule()));
  Value c0 = arith::ConstantIndexOp::create(b, loc, 0);
  auto type = VectorType::get(segment, b.getF32Type());
  set(op.getResult(),
      row(LoadOp::create(b, loc, type, context.weightOf(op.getTable()),
                         ValueRange{div(physical, layout.getPanel()), c0,
                                    rem(physical, layout.getPanel()), n},
                         b.getDenseI64ArrayAttr({1, 3}))));
}

/// Both halves of the angles of columns (pairs) n …; stored at once.
void SegmentEmitter::emitAngles(RopeAnglesOp op) {
  ArrayRef<float> frequencies = op.getFrequencies();
  int64_t pairs = frequencies.size(), padded = llvm::alignTo(pairs, segment);
  SmallVector<float> table(frequencies);
  table.resize(padded, 0.0f);
  auto tableType = VectorType::get(padded, b.getF32Type());
  Value position = memref::LoadOp::create(
      b, loc, context.input(Input::position), m);
  Value p = arith::SIToFPOp::create(b, loc, b.getF32Type(), position);
  auto buffer = context.bufferAt(
      cast<BufferAttr>((*op->getParentOfType<GroupOp>().getBuffers())[0]),
      op.getType());
  Value all = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(tableType, ArrayRef<float>(table)));
  double scale = op.getScale().convertToDouble();
  for (int64_t at = 0; at < padded; at += segment) {
    Row angle = row(all).slice(at, segment) * scalar(p);
    Value column = arith::ConstantIndexOp::create(b, loc, at);
    auto store = [&](Value value, int64_t half) {
      Value which = arith::ConstantIndexOp::create(b, loc, half);
      StoreOp::create(b, loc, (row(value) * scale).value, buffer,
                      ValueRange{m, which, column},
                      b.getDenseI64ArrayAttr({2}));
    };
    store(math::CosOp::create(b, loc, angle.value), 0);
    store(math::SinOp::create(b, loc, angle.value), 1);
  }
}

/// A product reads whole pairs, so an odd row ends in a zero. Every segment
/// stores it: the last one, which may reach beyond the row, does so after that.
void SegmentEmitter::storePadding(Value buffer, int64_t from, int64_t to) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  for (int64_t column = from; column < to; ++column) {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    Value at = arith::ConstantIndexOp::create(b, loc, column);
    memref::StoreOp::create(b, loc, zero, buffer, ValueRange{m, at});
  }
}

void SegmentEmitter::storeResults(GroupOp group) {
  auto dtype =
      group->getParentOfType<ModuleOp>()->getAttrOfType<TypeAttr>("mica.dtype");
  for (auto [index, value] :
       llvm::enumerate(group.getYield().getOperands())) {
    int64_t columns = columnsOf(value);
    if (!columns)
      continue;
    Value buffer =
        context.bufferAt(cast<BufferAttr>((*group.getBuffers())[index]),
                         cast<RankedTensorType>(value.getType()));
    StoreOp::create(b, loc, get(value).value, buffer,
                    ValueRange{m, columnFor(columns)},
                    b.getDenseI64ArrayAttr({1}));
    storePadding(buffer, columns,
                 llvm::alignTo(columns, pairsOf(dtype.getValue())));
  }
}
