//===- SegmentTables.cpp - Segments that are looked up --------------------===//

#include "dialects/MicaTile/BlockCodes.h"
#include "passes/Kernels/SegmentEmitter.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

/// Row `id` of a packed table: linear index n over [k / group] x [group]. Of a
/// block format, its elements.
Row SegmentEmitter::loadTable(Value table, Index id) {
  auto type = cast<WeightType>(table.getType());
  LayoutAttr layout = type.getLayout();
  Index physical = id / layout.getGranule() * layout.paddedGranule() +
                   id % layout.getGranule();
  if (FormatAttr format = type.getFormat())
    return row(loadElements(e, context.weightOf(table), format.getBlocks(),
                            physical, n, segment));
  return row(e.loadSegment(segment, context.weightOf(table),
                           {physical / layout.getPanel(), e.index(0),
                            physical % layout.getPanel(), n},
                           {1, 3}));
}

void SegmentEmitter::emitEmbedding(EmbeddingOp op) {
  Value ids = op.getIds();
  auto which =
      ids.getDefiningOp<PositionsOp>() ? Input::position : Input::token;
  Index id = op.getRow() ? e.index(*op.getRow())
                         : loadIndex(context.input(which), m);
  set(op.getResult(), loadTable(op.getTable(), id));
}

/// The sequence of a row: the last one that does not begin behind it.
Index SegmentEmitter::sequenceOf(Index row) {
  Value starts = context.input(Input::row_start);
  Index zero = e.index(0), seqs = e.index(context.count(Count::seqs));
  auto later = [&](Index s, ValueRange found) -> Emitter::Values {
    return {e.select(row < loadIndex(starts, s), e.index(found[0]), s)};
  };
  return e.index(e.forRange(zero, seqs, 1, {zero}, later)[0]);
}

/// The segment of what stands for the sequence of output row m.
void SegmentEmitter::emitPool(PoolRowsOp op) {
  Value starts = context.input(Input::row_start);
  Value input = context.bufferOf(op.getInput());
  Index s = sequenceOf(loadIndex(context.input(Input::out_row), m));
  Index first = loadIndex(starts, s), end = loadIndex(starts, s + 1);
  if (op.getKind() != Pooling::mean) {
    Index at = op.getKind() == Pooling::first ? first : end - 1;
    return set(op.getResult(), loadRow(input, at, n, segment));
  }
  Value sum = e.forRange(
      first, end, 1, {e.splat(0, segment)},
      [&](Index row, ValueRange before) -> Emitter::Values {
        return {e.add(before[0], loadRow(input, row, n, segment).value)};
      })[0];
  Value count = fromInteger(e.toI32(end - first)).value;
  set(op.getResult(), row(e.div(sum, e.broadcast(count, segment))));
}

/// The formula of `mica.ngram_embedding`.
void SegmentEmitter::emitNgram(NgramEmbeddingOp op) {
  Value tokens = context.input(Input::token);
  Index zero = e.index(0);
  Index begin = loadIndex(context.input(Input::row_start), sequenceOf(m));
  constexpr int64_t modulus = int64_t(1) << 32;
  uint32_t power = 1;
  Index sum = zero;
  for (int64_t i = 0; i < static_cast<int64_t>(op.getN()); ++i) {
    Value isThere = e.index(i) < m - begin + 1;
    Index at = e.select(isThere, m, begin + i) - i;
    Index term = (loadIndex(tokens, at) + 1) * int64_t(power) % modulus;
    sum = (sum + e.select(isThere, term, zero)) % modulus;
    power *= static_cast<uint32_t>(op.getMultiplier());
  }
  Index id = sum % op.getTable().getType().rows();
  set(op.getResult(), loadTable(op.getTable(), id));
}

/// Elements of row m, wherever `order` says they are.
void SegmentEmitter::emitPermute(PermuteColumnsOp op) {
  Value input = context.bufferOf(op.getInput());
  Value order = context.weightOf(op.getOrder());
  SmallVector<Value> elements;
  for (int64_t i = 0; i < segment; ++i)
    elements.push_back(e.load(input, {m, loadIndex(order, n + i)}));
  set(op.getResult(), row(e.vectorOf(elements)));
}

Row SegmentEmitter::loadBias(GroupedLinearOp op) {
  Index choice = loadIndex(context.flatBufferOf(op.getSource()), m);
  Index expert = loadIndex(context.flatBufferOf(op.getExperts()), choice);
  Index zero = e.index(0);
  return row(e.loadSegment(segment, context.weightOf(op.getBias()),
                           {expert, zero, zero, n}, {1, 3}));
}

/// The row's choices, wherever they lie.
void SegmentEmitter::emitCombine(CombineOp op) {
  Value input = context.bufferOf(op.getInput());
  Value weights = context.bufferOf(op.getWeights());
  Value place = context.bufferOf(op.getPlace());
  int64_t choices = choicesOf(op.getInput());
  Value sum;
  for (int64_t j = 0; j < choices; ++j) {
    Index from = e.fromI32(e.load(place, {m, e.index(j)}));
    Value weight = e.broadcast(e.load(weights, {m, e.index(j)}), segment);
    Value x = e.loadSegment(segment, input, {from, n}, {1});
    sum = sum ? e.fma(x, weight, sum) : e.mul(x, weight);
  }
  set(op.getResult(), row(sum));
}
