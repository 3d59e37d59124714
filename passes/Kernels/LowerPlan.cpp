//===- LowerPlan.cpp - The tables of a step -------------------------------===//
//
// What kernels need of the batch beyond what the runtime gives: the index of
// every row in its cache and the tasks of attention. Worker 0 writes them; the
// first barrier of the step orders them before their readers.
//
//===----------------------------------------------------------------------===//

#include "passes/Kernels/KernelContext.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

namespace {

/// Loops, loads and stores of the plan, in the words of the plan.
struct Plan {
  OpBuilder &b;
  Location loc;

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value load(Value table, Value at) {
    Value value = memref::LoadOp::create(b, loc, table, at);
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
  }
  void store(Value value, Value table, ValueRange at) {
    Value narrow =
        arith::IndexCastOp::create(b, loc, b.getI32Type(), value);
    memref::StoreOp::create(b, loc, narrow, table, at);
  }
  /// for (i = lo; i < hi; i += step) carried = body(i, carried)
  Value loop(Value lo, Value hi, int64_t step, Value carried,
             llvm::function_ref<Value(Value, Value)> body) {
    auto op = scf::ForOp::create(
        b, loc, lo, hi, constant(step), carried,
        [&](OpBuilder &, Location, Value i, ValueRange carry) {
          Value next = body(i, carry[0]);
          scf::YieldOp::create(b, loc, next);
        });
    return op.getResult(0);
  }
};

} // namespace

void mica::lowerPlan(KernelContext &context, int64_t rowsPerTask) {
  Plan p{context.b, context.loc};
  Value starts = context.input(Input::row_start);
  auto i32s = MemRefType::get({ShapedType::kDynamic}, p.b.getI32Type());
  Value lengths = KVTableOp::create(p.b, p.loc, i32s, context.step, 0,
                                    KVTable::length);
  Value position = context.kvPosition(), tasks = context.attendTasks();
  Value seqs = context.count(Count::seqs);
  Value first = arith::CmpIOp::create(
      p.b, p.loc, arith::CmpIPredicate::eq, context.worker, p.constant(0));
  auto guard = scf::IfOp::create(p.b, p.loc, first);
  OpBuilder::InsertionGuard restore(p.b);
  p.b.setInsertionPointToStart(guard.thenBlock());
  Value c0 = p.constant(0), c1 = p.constant(1);
  Value count = p.loop(c0, seqs, 1, c0, [&](Value s, Value made) {
    Value begin = p.load(starts, s), end = p.load(starts, p.add(s, c1));
    // The sequence's last row is at index length - 1 of its cache.
    Value shift = p.sub(p.load(lengths, s), end);
    p.loop(begin, end, 1, c0, [&](Value m, Value carry) {
      p.store(p.add(m, shift), position, m);
      return carry;
    });
    return p.loop(begin, end, rowsPerTask, made, [&](Value m, Value at) {
      Value entry = p.add(at, c1);
      Value last = arith::MinUIOp::create(
          p.b, p.loc, p.add(m, p.constant(rowsPerTask)), end);
      p.store(s, tasks, {entry, c0});
      p.store(m, tasks, {entry, c1});
      p.store(last, tasks, {entry, p.constant(2)});
      return entry;
    });
  });
  p.store(count, tasks, {c0, c0});
}
