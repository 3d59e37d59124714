//===- LowerScan.cpp - Layers that keep a state, as tile.rows -------------===//
//
// A scan goes over the rows of each sequence in order, so that its tasks are
// sequences and parts of a row that are independent: columns of a convolution,
// heads of a recurrence. `tile.rows` counts those instead of rows; the region
// of `apply` holds the loop over the rows. Within a task vectors lie along
// columns (value columns of a head), each of which has a state of its own.
//
// A state lies in its page as [layer, head, key column, value column], value
// columns padded to whole vectors.
//
//===----------------------------------------------------------------------===//

#include "dialects/MicaTile/Emit.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Remarks.h"
#include "passes/Kernels/KernelContext.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numeric>

using namespace mlir;
using namespace mica;
using namespace mica::tile;

namespace {

constexpr int64_t kVector = 16;
/// The most columns of a convolution that are one task.
constexpr int64_t kConvColumns = 256;

/// The rows of one sequence and its page.
struct Sequence {
  Index page, begin, end;
  Value isNew; // i1: the step holds its first row.
};

/// What a region of scan knows of the step, made outside of it.
struct Tables {
  Value starts, lengths, pageStart, page, layer, pool;

  Tables(KernelContext &context, Value state)
      : starts(context.input(Input::row_start)),
        lengths(context.kvTable(state, KVTable::length)),
        pageStart(context.kvTable(state, KVTable::page_start)),
        page(context.kvTable(state, KVTable::page)),
        layer(context.kvLayer(state)), pool(context.statesOf(state)) {}

  Sequence sequence(Emitter &e, Index s) const {
    auto load = [&](Value table, Index at) {
      return e.fromI32(e.load(table, at));
    };
    Index begin = load(starts, s), end = load(starts, s + 1);
    Value isNew = load(lengths, s) < (end - begin) + 1;
    return {load(page, load(pageStart, s)), begin, end, isNew};
  }
};

/// Makes the `tile.rows` of a scan of `parts` tasks a sequence, each of
/// `columns` columns in segments of `granule`. body(e, s, part, n) is one
/// segment.
void makeScan(KernelContext &context, Location loc, int64_t parts,
              int64_t columns, int64_t granule,
              function_ref<void(Emitter &, Index, Index, Index)> body) {
  OpBuilder &b = context.b;
  Emitter outside(b, loc);
  Index count = outside.index(context.count(Count::seqs)) * parts;
  auto region = std::make_unique<Region>();
  Block *block = new Block();
  region->push_back(block);
  block->addArguments({b.getIndexType(), b.getIndexType()}, {loc, loc});
  OpBuilder::InsertPoint place = b.saveInsertionPoint();
  b.setInsertionPointToStart(block);
  Emitter e(b, loc);
  Index task = e.index(block->getArgument(0));
  body(e, task / parts, task % parts, e.index(block->getArgument(1)));
  tile::YieldOp::create(b, loc, ValueRange());
  b.restoreInsertionPoint(place);
  auto rows = RowsOp::create(b, loc, count, ValueRange(), columns, granule,
                             b.getArrayAttr({}), ScheduleAttr(), 0);
  rows.getApply().takeBody(*region);
  rows.getCapturesMutable().assign(captureOutside(&rows.getApply()));
}

/// What goes from one row to the next are the rows before it, in registers.
void lowerConv(KernelContext &context, ShortConvOp op, Value result) {
  int64_t columns = columnsOf(op.getInput());
  int64_t vectors = llvm::divideCeil(columns, kVector), width = 1;
  for (int64_t size = 2; size <= kConvColumns / kVector; ++size)
    width = vectors % size ? width : size;
  width *= kVector;
  int64_t before = op.getState().getType().getShape()[0];
  Tables tables(context, op.getState());
  Value input = context.bufferOf(op.getInput());
  Value weight = context.weightOf(op.getWeight());
  Value bias = op.getBias() ? context.weightOf(op.getBias()) : Value();

  auto segment = [&](Emitter &e, Index s, Index part, Index n) {
    Sequence sequence = tables.sequence(e, s);
    Index at = part * width + n, zero = e.index(int64_t(0));
    VectorType type = e.f32x(kVector);
    auto place = [&](int64_t j) -> SmallVector<Index> {
      return {sequence.page, e.index(tables.layer), zero, e.index(j), at};
    };
    SmallVector<Value> taps, carried;
    for (int64_t j = 0; j <= before; ++j)
      taps.push_back(
          e.loadSegment(kVector, weight, {e.index(j), zero, zero, at}, {1, 3}));
    Value start = bias ? e.loadSegment(kVector, bias, at, {0}) : e.zero(type);
    for (int64_t j = 0; j < before; ++j)
      carried.push_back(e.select(sequence.isNew, e.zero(type),
                                 e.load(type, tables.pool, place(j))));
    Emitter::Values last = e.forRange(
        sequence.begin, sequence.end, 1, carried,
        [&](Index m, ValueRange previous) -> Emitter::Values {
          Emitter::Values window(previous);
          window.push_back(e.loadSegment(kVector, input, {m, at}, {1}));
          Value sum = start;
          for (auto [x, tap] : llvm::zip_equal(window, taps))
            sum = e.fma(x, tap, sum);
          if (result)
            e.storeSegment(sum, result, {m, at}, {1});
          window.erase(window.begin());
          return window;
        });
    for (int64_t j = 0; j < before; ++j)
      e.store(last[j], tables.pool, place(j));
  };
  makeScan(context, op.getLoc(), vectors * kVector / width, width, kVector,
           segment);
}

/// log(1 + exp(x)) to 2e-7: max(x, 0) + log(1 + z) with z = exp(-|x|), the log
/// as 2 artanh(t) for t = z / (2 + z), which is at most 1/3.
Value softplus(Emitter &e, Value x, int64_t size) {
  Value zero = e.splat(0, size);
  Value z = e.exp(e.sub(zero, e.maximum(x, e.sub(zero, x))));
  Value t = e.div(z, e.add(z, e.splat(2, size))), t2 = e.mul(t, t);
  Value sum = e.splat(2.0 / 17, size);
  for (int64_t n = 15; n > 0; n -= 2)
    sum = e.fma(sum, t2, e.splat(2.0 / n, size));
  return e.fma(sum, t, e.maximum(x, zero));
}

/// What a row does to the state of a segment of value columns. Vectors all.
struct Update {
  Value value, beta, skip; // result = S^T query + skip; skip may be null
  llvm::function_ref<Value(Index)> decay, key, query; // of a key column
  bool isDelta;
};

/// The recurrence of one head over the rows of a sequence.
struct Recurrence {
  Emitter &e;
  const Tables &tables;
  Sequence sequence;
  Index head, n;
  int64_t keys, size;

  SmallVector<Index> place(Index i) {
    return {sequence.page, e.index(tables.layer), head, i, n};
  }

  Value load(Index i) { return e.load(e.f32x(size), tables.pool, place(i)); }

  void clearIfNew() {
    e.ifThen(sequence.isNew, [&] {
      e.forRange(e.index(int64_t(0)), e.index(keys), 1, [&](Index i) {
        e.store(e.splat(0, size), tables.pool, place(i));
      });
    });
  }

  /// Updates the state by one row; returns the row's result.
  Value step(const Update &u) {
    Index zero = e.index(int64_t(0)), end = e.index(keys);
    Value none = e.splat(0, size), added = u.value;
    if (u.isDelta) {
      Value known = e.forRange(zero, end, 1, {none},
                               [&](Index i, ValueRange sum) -> Emitter::Values {
                                 Value decayed = e.mul(u.decay(i), load(i));
                                 return {e.fma(decayed, u.key(i), sum[0])};
                               })[0];
      added = e.sub(added, known);
    }
    added = e.mul(u.beta, added);
    Value sum = e.forRange(
        zero, end, 1, {none}, [&](Index i, ValueRange sum) -> Emitter::Values {
          Value state = e.fma(u.key(i), added, e.mul(u.decay(i), load(i)));
          e.store(state, tables.pool, place(i));
          return {e.fma(state, u.query(i), sum[0])};
        })[0];
    return u.skip ? e.add(sum, u.skip) : sum;
  }
};

/// An element of a row, in all of a vector.
Value element(Emitter &e, Value buffer, Index m, Index column, int64_t size) {
  return e.broadcast(e.load(buffer, {m, column}), size);
}

/// A task for each head of `state`, [heads, key, value]. update(e, m, head,
/// column, segment size, apply) makes the update of row m and calls apply(it).
void lowerRecurrence(KernelContext &context, Location loc,
                     TypedValue<StateType> state, Value result,
                     function_ref<void(Emitter &, Index, Index, Index, int64_t,
                                       function_ref<void(const Update &)>)>
                         update) {
  ArrayRef<int64_t> shape = state.getType().getShape();
  int64_t heads = shape[0], keys = shape[1], width = shape[2];
  // A segment must not reach into the next head.
  int64_t size = std::gcd(width, kVector);
  Tables tables(context, state);
  auto segment = [&](Emitter &e, Index s, Index head, Index n) {
    Sequence sequence = tables.sequence(e, s);
    Recurrence recurrence{e, tables, sequence, head, n, keys, size};
    recurrence.clearIfNew();
    e.forRange(sequence.begin, sequence.end, 1, [&](Index m) {
      Index column = head * width + n;
      update(e, m, head, column, size, [&](const Update &u) {
        Value rows = recurrence.step(u);
        if (result)
          e.store(rows, result, {m, column});
      });
    });
  };
  makeScan(context, loc, heads, width, size, segment);
}

void lowerSSM(KernelContext &context, SSMScanOp op, Value result) {
  ArrayRef<int64_t> shape = op.getState().getType().getShape();
  int64_t keys = shape[1], ratio = shape[0] / (columnsOf(op.getKey()) / keys);
  Value input = context.bufferOf(op.getInput());
  Value time = context.bufferOf(op.getTime());
  Value key = context.bufferOf(op.getKey());
  Value query = context.bufferOf(op.getQuery());
  Value bias = context.weightOf(op.getTimeBias());
  Value aLog = context.weightOf(op.getALog());
  Value skip = context.weightOf(op.getSkip());
  double least = op.getLeast().convertToDouble();
  auto update = [&](Emitter &e, Index m, Index head, Index column, int64_t size,
                    function_ref<void(const Update &)> apply) {
    auto ofHead = [&](Value weight) {
      return e.broadcast(e.load(weight, head), size);
    };
    Value dt =
        softplus(e, e.add(element(e, time, m, head, size), ofHead(bias)), size);
    dt = e.maximum(dt, e.splat(least, size));
    if (op.getMost()) {
      Value zero = e.splat(0, size);
      Value most = e.splat(-op.getMost()->convertToDouble(), size);
      dt = e.sub(zero, e.maximum(e.sub(zero, dt), most));
    }
    Value rate = ofHead(aLog);
    if (!op.getRates())
      rate = e.sub(e.splat(0, size), e.exp(rate));
    Value factor = e.exp(e.mul(dt, rate));
    Value x = e.load(e.f32x(size), input, {m, column});
    Index first = head / ratio * keys;
    auto decay = [&](Index) { return factor; };
    auto keyOf = [&](Index i) { return element(e, key, m, first + i, size); };
    auto queryOf = [&](Index i) {
      return element(e, query, m, first + i, size);
    };
    apply({x, dt, e.mul(ofHead(skip), x), decay, keyOf, queryOf,
           /*isDelta=*/false});
  };
  lowerRecurrence(context, op.getLoc(), op.getState(), result, update);
}

void lowerDelta(KernelContext &context, GatedDeltaOp op, Value result) {
  ArrayRef<int64_t> shape = op.getState().getType().getShape();
  int64_t keys = shape[1], ratio = shape[0] / (columnsOf(op.getKey()) / keys);
  bool perHead = columnsOf(op.getDecay()) == shape[0];
  Value value = context.bufferOf(op.getValue());
  Value beta = context.bufferOf(op.getBeta());
  Value key = context.bufferOf(op.getKey());
  Value query = context.bufferOf(op.getQuery());
  Value decays = context.bufferOf(op.getDecay());
  auto update = [&](Emitter &e, Index m, Index head, Index column, int64_t size,
                    function_ref<void(const Update &)> apply) {
    Index first = head / ratio * keys;
    Value all = perHead ? e.exp(element(e, decays, m, head, size)) : Value();
    auto decay = [&](Index i) {
      return perHead ? all
                     : e.exp(element(e, decays, m, head * keys + i, size));
    };
    auto keyOf = [&](Index i) { return element(e, key, m, first + i, size); };
    auto queryOf = [&](Index i) {
      return element(e, query, m, first + i, size);
    };
    apply({e.load(e.f32x(size), value, {m, column}),
           element(e, beta, m, head, size), Value(), decay, keyOf, queryOf,
           /*isDelta=*/true});
  };
  lowerRecurrence(context, op.getLoc(), op.getState(), result, update);
}

} // namespace

void mica::lowerScan(KernelContext &context, GroupOp group) {
  Operation *op = group.getBody().front().getTerminator()->getPrevNode();
  auto yielded = group.getYield().getValues();
  size_t index = llvm::find(yielded, op->getResult(0)) - yielded.begin();
  // Rows that nothing reads are not stored.
  Value result = index == yielded.size()
                     ? Value()
                     : context.bufferOf(group.getResult(index));
  remark::missed(op->getLoc(),
                 remark::RemarkOpts::name("lower-groups").category("mica"))
      << remark::add(
             "{0} goes row after row, also where rows are many: no form "
             "in chunks",
             op->getName().stripDialect());
  llvm::TypeSwitch<Operation *>(op)
      .Case<ShortConvOp>([&](auto conv) { lowerConv(context, conv, result); })
      .Case<SSMScanOp>([&](auto scan) { lowerSSM(context, scan, result); })
      .Case<GatedDeltaOp>([&](auto op) { lowerDelta(context, op, result); });
}
