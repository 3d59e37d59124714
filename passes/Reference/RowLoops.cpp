//===- RowLoops.cpp - Reference: ops that have no kernel ------------------===//
//
// Loops over buffers that others allocate: the reference, or compiled code that
// has nothing better (`runsAsLoops`). Rows may be padded, so that columns are
// those of the op's types.
//
//===----------------------------------------------------------------------===//

#include "passes/Reference/Patterns.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

using BufferOf = function_ref<Value(Value)>;

/// body({m, i}) for every element of `result`, of `columns` columns.
void forRowsOf(Loops &l, Value result, int64_t columns,
               function_ref<void(ArrayRef<Value>)> body) {
  l.forEach({l.size(result, 0), l.index(columns)}, body);
}

/// result[m, v] = input[m, v] if v is allowed, else -infinity
void emitLoops(Loops &l, LogitsMaskOp op, BufferOf bufferOf,
               ValueRange results) {
  Value input = bufferOf(op.getInput()), mask = bufferOf(op.getMask());
  Value none = l.number(-std::numeric_limits<double>::infinity());
  bool isList = isa<WeightType>(op.getMask().getType());
  forRowsOf(l, results[0], columnsOf(op.getInput()), [&](ArrayRef<Value> at) {
    Value bit, zero = l.index(0);
    if (isList) {
      bit = l.load(mask, at[1]);
    } else {
      Value word = l.load(mask, {at[0], l.div(at[1], l.index(32))});
      word =
          arith::ShRUIOp::create(l.b, l.loc, word, l.rem(at[1], l.index(32)));
      bit = arith::AndIOp::create(l.b, l.loc, word, l.index(1));
    }
    l.store(l.select(l.equal(bit, zero), none, l.load(input, at)), results[0],
            at);
  });
}

/// The j-th greatest of row m follows the one before: it is less, or equal and
/// in a later column.
struct TopK {
  Loops &l;
  Value input, values, indices, columns;

  /// Whether element i of row m follows `last` at `place`.
  Value follows(Value m, Value i, Value last, Value place) {
    Value x = l.load(input, {m, i});
    Value isLater = l.both(l.equal(x, last), l.less(place, i));
    return l.either(l.less(x, last), isLater);
  }

  void emit(Value m, Value j, Value last, Value place) {
    Value none = l.number(-std::numeric_limits<double>::infinity());
    Value zero = l.index(0), missing = l.index(-1);
    Value top = l.fold(zero, columns, none, [&](Value i, Value top) {
      Value x = l.load(input, {m, i});
      Value isGreater = l.both(follows(m, i, last, place), l.less(top, x));
      return l.select(isGreater, x, top);
    });
    Value found = l.fold(zero, columns, missing, [&](Value i, Value found) {
      Value isTop = l.both(follows(m, i, last, place),
                           l.equal(l.load(input, {m, i}), top));
      return l.select(l.both(isTop, l.equal(found, missing)), i, found);
    });
    l.store(top, values, {m, j});
    l.storeIndex(found, indices, {m, j});
  }
};

void emitLoops(Loops &l, TopKOp op, BufferOf bufferOf, ValueRange results) {
  Value columns = l.index(columnsOf(op.getInput()));
  TopK top = {l, bufferOf(op.getInput()), results[0], results[1], columns};
  l.forRange(l.index(0), l.size(results[0], 0), [&](Value m) {
    // Every number is less than this, or equal and in a later column.
    top.emit(m, l.index(0), l.number(std::numeric_limits<double>::infinity()),
             l.index(-1));
    Value k = l.index(columnsOf(op.getValues()));
    l.forRange(l.index(1), k, [&](Value j) {
      Value before = l.sub(j, l.index(1));
      Value place = l.load(results[1], {m, before});
      // Nothing follows what is missing.
      place = l.select(l.equal(place, l.index(-1)), columns, place);
      top.emit(m, j, l.load(results[0], {m, before}), place);
    });
  });
}

/// result[m, i] = computed[m, i] if score[m, 0] > threshold, else input[m, i]
void emitLoops(Loops &l, SkipOp op, BufferOf bufferOf, ValueRange results) {
  Value threshold = l.number(op.getThreshold().convertToDouble());
  Value score = bufferOf(op.getScore());
  Value input = bufferOf(op.getInput()), computed = bufferOf(op.getComputed());
  forRowsOf(l, results[0], columnsOf(op.getInput()), [&](ArrayRef<Value> at) {
    Value runs = l.less(threshold, l.load(score, {at[0], l.index(0)}));
    l.store(l.select(runs, l.load(computed, at), l.load(input, at)), results[0],
            at);
  });
}

/// An op that `runsAsLoops`, its results allocated.
template <typename OpTy> struct RowLoops : Lowering<OpTy> {
  using Lowering<OpTy>::Lowering;

  LogicalResult
  matchAndRewrite(OpTy op, typename Lowering<OpTy>::OneToNOpAdaptor operands,
                  ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    llvm::DenseMap<Value, Value> buffers;
    for (auto [value, buffer] :
         llvm::zip(op->getOperands(), operands.getOperands()))
      buffers[value] = buffer.front();
    SmallVector<Value> results;
    for (Type type : op->getResultTypes())
      results.push_back(l.allocRows(this->getTypeConverter()->convertType(type),
                                    operands.getInput().front()));
    emitRowLoops(
        l, op, [&](Value value) { return buffers.lookup(value); }, results);
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void mica::reference::emitRowLoops(Loops &loops, Operation *op,
                                   BufferOf bufferOf, ValueRange results) {
  llvm::TypeSwitch<Operation *>(op).Case<LogitsMaskOp, TopKOp, SkipOp>(
      [&](auto op) { emitLoops(loops, op, bufferOf, results); });
}

void mica::reference::populateRowLoops(TypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<RowLoops<LogitsMaskOp>, RowLoops<TopKOp>, RowLoops<SkipOp>>(
      converter, patterns.getContext());
}
