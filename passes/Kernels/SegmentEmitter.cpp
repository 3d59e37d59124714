//===- SegmentEmitter.cpp - A group's row ops on one segment --------------===//

#include "passes/Kernels/SegmentEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

//===----------------------------------------------------------------------===//
// Indices and loads
//===----------------------------------------------------------------------===//

Index SegmentEmitter::columnFor(int64_t own) { return n / (columns / own); }

Index SegmentEmitter::loadIndex(Value table, Index at) {
  return e.fromI32(e.load(table, at));
}

Row SegmentEmitter::loadRow(Value buffer, Index row, Index column,
                            int64_t size) {
  return this->row(e.loadSegment(size, buffer, {row, column}, {1}));
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
  Index at = columnFor(columns) + partOffset;
  if (period == size)
    at = e.index(0);
  else if (period < columns)
    at = at % period;
  return row(e.loadSegment(size, context.weightOf(weight), at, {0}));
}

Scalar SegmentEmitter::loadPosition(int64_t first, int64_t interval) {
  Index position = loadIndex(context.input(Input::position), m);
  return fromInteger(e.toI32((position + first) / interval));
}

Row SegmentEmitter::loadAngles(Value angles, int which, int64_t pairs) {
  Index half = e.index(which), zero = e.index(0);
  return row(
      e.loadSegment(pairs, context.bufferOf(angles), {m, half, zero}, {2}));
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
  if (auto ngram = dyn_cast<NgramEmbeddingOp>(op))
    return emitNgram(ngram);
  if (auto angles = dyn_cast<RopeAnglesOp>(op))
    return emitAngles(angles);
  if (auto out = dyn_cast<OutputRowsOp>(op)) {
    Index from = loadIndex(context.input(Input::out_row), m);
    return set(out.getResult(),
               loadRow(context.bufferOf(out.getInput()), from, n, segment));
  }
  if (auto pool = dyn_cast<PoolRowsOp>(op))
    return emitPool(pool);
  if (auto permute = dyn_cast<PermuteColumnsOp>(op))
    return emitPermute(permute);
  if (auto combine = dyn_cast<CombineOp>(op))
    return emitCombine(combine);
  if (OpTrait::hasElementwiseMappableTraits(op) &&
      isa<TensorType>(op->getResult(0).getType()))
    return emitElementwise(op);
}

/// Runs the formula on each independent part of the segment.
void SegmentEmitter::emitRowOp(RowOpInterface op) {
  SmallVector<Row> inputs;
  for (Value operand : op->getOperands())
    if (columnsOf(operand))
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
      map.map(
          operand,
          this->splat(cast<FloatAttr>(value).getValueAsDouble(), size).value);
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

/// Stores the f32 `number` rounded to f16; returns what that is.
Value SegmentEmitter::storeF16(Value number, Value buffer, ArrayRef<Index> at) {
  Value narrow = e.truncate(e.broadcast(number, 1), b.getF16Type());
  e.store(e.extract(narrow, 0), buffer, at);
  return e.extract(e.extend(narrow, e.f32x(1)), 0);
}

/// 1 / scale, or 0 if that is not above 0.
Value SegmentEmitter::inverseOf(Value scale) {
  Value some = e.less(e.f32(0), scale);
  return e.select(some, e.div(e.f32(1), scale), e.f32(0));
}

/// `row` less its least element, in steps of a 15th of the way to the greatest:
/// 0 to 15. Steps and least are stored to `scales`, at `at` and behind.
Row SegmentEmitter::nibbles(Row row, Value scales, SmallVector<Index> at) {
  constexpr double largest = 15;
  Value negative = e.negate(row.value);
  Value below = e.reduce(negative, /*isMax=*/true);
  Value range = e.add(e.reduce(row.value, /*isMax=*/true), below);
  Value scale = storeF16(e.mul(range, e.f32(1 / largest)), scales, at);
  at[3] = at[3] + 1;
  Value least = storeF16(e.negate(below), scales, at);
  Value x = e.mul(e.sub(row.value, e.broadcast(least, row.size())),
                  e.broadcast(inverseOf(scale), row.size()));
  x = e.minimum(x, e.splat(largest, row.size()));
  x = e.round(x);
  return this->row(e.maximum(x, e.splat(0, row.size())));
}

/// Two codes of `head` in a byte: of a key its elements 2 i and 2 i + 1, of a
/// value columns that are 16 apart.
Row SegmentEmitter::paired(Row head, bool values) {
  int64_t size = head.size(), whole = llvm::alignTo(size, values ? 32 : 2);
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < whole; ++i) {
    bool isHigh = values ? i % 32 >= 16 : i % 2;
    (isHigh ? high : low).push_back(std::min(i, size)); // behind: a zero
  }
  Value zero = e.splat(0, 1), all = head.value;
  auto take = [&](ArrayRef<int64_t> places) -> Value {
    return vector::ShuffleOp::create(b, loc, all, zero, places);
  };
  Value sixteen = e.splat(16, whole / 2);
  return row(e.fma(take(high), sixteen, take(low)));
}

/// `row` over its greatest magnitude / 127, which is stored to `scales`.
Row SegmentEmitter::integers(Row row, Value scales, ArrayRef<Index> at) {
  constexpr double largest = 127;
  Value magnitude = e.reduce(e.absolute(row.value), /*isMax=*/true);
  Value scale = storeF16(e.mul(magnitude, e.f32(1 / largest)), scales, at);
  Value x = e.mul(row.value, e.broadcast(inverseOf(scale), row.size()));
  // A scale that is a small number of f16 is not exact enough.
  Value limit = e.splat(largest, row.size());
  x = e.minimum(x, limit);
  x = e.maximum(x, e.splat(-largest, row.size()));
  return this->row(x);
}

/// The integers of the head `at` (page, layer, head), as the cache has them, or
/// of its columns from `column` on.
Row SegmentEmitter::integers(KVWriteOp op, Row head, ArrayRef<Index> at,
                             Index token, Index column) {
  bool values = op.getValue();
  Value scales = context.scalesOf(op.getKv(), values);
  KVType kv = op.getKv().getType();
  int64_t size = values ? head.size() : KVType::keyGroup;
  SmallVector<Row> groups;
  for (int64_t first = 0; first < head.size(); first += size) {
    Row group = head.slice(first, std::min(size, head.size() - first));
    SmallVector<Index> place(at);
    Index at = (column / size + first / size) * (kv.hasMinima() ? 2 : 1);
    place.append({at, token});
    groups.push_back(kv.hasMinima() ? nibbles(group, scales, place)
                                    : integers(group, scales, place));
  }
  Row all = groups.size() == 1 ? groups[0] : join(groups);
  if (kv.hasMinima())
    return paired(all, values);
  return values ? all : all + double(KVType::keyZero);
}

/// Stores each head of the segment at the row's slot, if it has one.
void SegmentEmitter::emitWrite(KVWriteOp op) {
  KVType kv = op.getKv().getType();
  bool values = op.getValue();
  Value pool = context.poolOf(op.getKv(), values);
  int64_t width = values ? kv.getValue() : kv.getKey(),
          g = cast<MemRefType>(pool.getType()).getShape().back();
  Row rows = get(op.getRows());
  Value slot = e.load(context.kvTable(op.getKv(), KVTable::slot), m);
  Index first = columnFor(columnsOf(op.getRows())), head = first / width;
  Index column = e.index(0);
  SmallVector<Row> heads;
  if (op.getFirst()) {
    heads = {rows};
    head = e.index(0);
    column = first + static_cast<int64_t>(*op.getFirst());
  } else {
    for (int64_t at = 0; at < rows.size(); at += width)
      heads.push_back(rows.slice(at, width));
  }

  e.ifThen(e.atLeast(slot, 0), [&] {
    Index at = e.fromI32(slot), zero = e.index(0);
    Index page = at / kv.getPage(), token = at % kv.getPage();
    for (auto [index, row] : llvm::enumerate(heads)) {
      SmallVector<Index> place = {page, e.index(context.kvLayer(op.getKv())),
                                  head + int64_t(index)};
      if (kv.scales(values))
        row = integers(op, row, place, token, column);
      // Where codes lie in pairs, columns come in bytes.
      Index at = kv.hasMinima() ? column / 2 : column;
      if (values)
        place.append({zero, token / g, at, token % g});
      else
        place.append({token / 16, zero, token % 16, at});
      e.storeSegment(row.value, pool, place,
                     values ? ArrayRef<int64_t>{3, 5}
                            : ArrayRef<int64_t>{4, 6});
    }
  });
}

/// Both halves of the angles of columns (pairs) n …; stored at once.
void SegmentEmitter::emitAngles(RopeAnglesOp op) {
  ArrayRef<float> frequencies = op.getFrequencies();
  int64_t pairs = frequencies.size(), padded = llvm::alignTo(pairs, segment);
  SmallVector<float> table(frequencies);
  table.resize(padded, 0.0f);
  Scalar position = fromInteger(e.load(context.input(Input::position), m));
  auto buffer = context.bufferAt(
      cast<BufferAttr>((*op->getParentOfType<GroupOp>().getBuffers())[0]),
      op.getType());
  Row all = this->table(table);
  double scale = op.getScale().convertToDouble();
  for (int64_t at = 0; at < padded; at += segment) {
    Row angle = all.slice(at, segment) * position;
    auto store = [&](Row half, int64_t which) {
      e.storeSegment((half * scale).value, buffer,
                     {m, e.index(which), e.index(at)}, {2});
    };
    store(cos(angle), 0);
    store(sin(angle), 1);
  }
}

/// A product reads whole pairs, so an odd row ends in a zero. Every segment
/// stores it: the last one, which may reach beyond the row, does so after that.
void SegmentEmitter::storePadding(Value buffer, int64_t from, int64_t to) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  for (int64_t column = from; column < to; ++column)
    e.store(e.zero(element), buffer, {m, e.index(column)});
}

/// Stores a segment of f32 as rows of `groups` have it.
void SegmentEmitter::storeRows(Value vector, Value buffer, Index column,
                               GroupsAttr groups, int64_t columns) {
  auto integers = [&] { storeGroups(vector, buffer, column, groups, columns); };
  Type values = groups.getValues();
  if (!values)
    return integers();
  e.ifThenElse(e.dim(buffer, 0) < e.index(groups.getFrom()), integers, [&] {
    e.storeBytes(e.truncate(vector, values), buffer, {m, column * 2});
  });
}

namespace {

/// A group of a row as whole numbers q, still of f32, times a scale.
struct RoundedGroup {
  Value q, scale;
};

} // namespace

/// The formula of `#tile.groups` with `inverse` = 1 / max |x|, or 0.
static RoundedGroup roundGroup(Emitter &e, Value x, Value inverse) {
  int64_t size = cast<VectorType>(x.getType()).getDimSize(0);
  auto sum = [&](Value v) { return e.reduce(v, /*isMax=*/false); };
  Value q, left;
  for (int64_t levels : GroupsAttr::levels) {
    Value factor = e.mul(inverse, e.f32(levels));
    Value scaled = e.mul(x, e.broadcast(factor, size));
    Value whole = e.round(scaled), rest = e.sub(scaled, whole);
    Value error = e.mul(sum(e.mul(rest, rest)), e.f32(1.0 / (levels * levels)));
    if (!q) {
      q = whole, left = error;
      continue;
    }
    Value isNearer = e.less(error, left);
    q = e.select(isNearer, whole, q);
    left = e.select(isNearer, error, left);
  }
  Value squares = e.maximum(sum(e.mul(q, q)), e.f32(1));
  return {q, e.div(sum(e.mul(x, q)), squares)};
}

/// Stores a segment of f32 as integers: each group, its scale and its sums.
void SegmentEmitter::storeGroups(Value vector, Value buffer, Index column,
                                 GroupsAttr groups, int64_t columns) {
  constexpr double least = 1e-30;
  int64_t size = groups.getSize(),
          all = cast<VectorType>(vector.getType()).getDimSize(0);
  for (int64_t at = 0; at < all; at += size) {
    Value x = e.slice(vector, at, size);
    Value magnitude = e.reduce(e.absolute(x), /*isMax=*/true);
    Value some = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE,
                                       magnitude, e.f32(least));
    Value inverse = e.select(some, e.div(e.f32(1), magnitude), e.f32(0));
    RoundedGroup rounded = roundGroup(e, x, inverse);
    Value q = e.toInteger(rounded.q);
    Index first = column + at;
    e.store(e.resize(q, b.getI8Type(), true), buffer, {m, first});
    e.storeBytes(e.broadcast(rounded.scale, 1), buffer,
                 {m, first / size * 4 + groups.scalesAt(columns)});
    int64_t part = groups.getPart();
    for (int64_t i = 0; i < size; i += part) {
      Value sum = e.reduce(e.slice(rounded.q, i, part), /*isMax=*/false);
      if (int64_t zero = groups.getZero())
        sum = e.sub(e.f32(GroupsAttr::shift), e.mul(sum, e.f32(zero)));
      e.storeBytes(e.broadcast(sum, 1), buffer,
                   {m, (first + i) / part * 4 + groups.sumsAt(columns)});
    }
  }
}

void SegmentEmitter::storeResults(GroupOp group) {
  auto dtype =
      group->getParentOfType<ModuleOp>()->getAttrOfType<TypeAttr>("mica.dtype");
  for (auto [index, value] : llvm::enumerate(group.getYield().getOperands())) {
    int64_t columns = columnsOf(value);
    if (!columns)
      continue;
    Value buffer =
        context.bufferAt(cast<BufferAttr>((*group.getBuffers())[index]),
                         cast<RankedTensorType>(value.getType()));
    if (GroupsAttr groups = groupsOf(value)) {
      storeRows(get(value).value, buffer, columnFor(columns), groups, columns);
      continue;
    }
    e.storeSegment(get(value).value, buffer, {m, columnFor(columns)}, {1});
    storePadding(buffer, columns,
                 llvm::alignTo(columns, perDword(dtype.getValue())));
  }
}
