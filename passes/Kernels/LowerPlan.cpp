//===- LowerPlan.cpp - The tables of a step -------------------------------===//
//
// What kernels need of the batch beyond what the runtime gives: the index of
// every row in its cache, the length of that, and the tasks of attention.
// Worker 0 writes them; the first barrier of the step orders them before their
// readers.
//
//===----------------------------------------------------------------------===//

#include "dialects/MicaTile/Emit.h"
#include "passes/Kernels/KernelContext.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

/// Emits the entries of the tasks of sequence s, rows [begin, end), behind the
/// `made` that there are; returns how many there are then.
static Index emitTasks(Emitter &e, Value tasks, Index s, Index begin, Index end,
                       Index made, int64_t rowsPerTask) {
  auto task = [&](Index m, ValueRange at) -> Emitter::Values {
    Index entry = e.index(at[0]) + 1;
    Index fields[] = {s, m, min(m + rowsPerTask, end)};
    for (auto [i, field] : llvm::enumerate(fields))
      e.store(e.toI32(field), tasks, {entry, e.index(int64_t(i))});
    return {entry};
  };
  return e.index(e.forRange(begin, end, rowsPerTask, {made}, task)[0]);
}

void mica::lowerPlan(KernelContext &context, int64_t rowsPerTask) {
  Emitter e(context.b, context.loc);
  Value starts = context.input(Input::row_start);
  auto i32s = MemRefType::get({ShapedType::kDynamic}, e.b.getI32Type());
  Value lengths =
      KVTableOp::create(e.b, e.loc, i32s, context.step, 0, KVTable::length);
  Value position = context.kvPosition(), tasks = context.attendTasks();
  Value all = context.kvLengths();
  Index rows = e.index(context.count(Count::rows));
  Index seqs = e.index(context.count(Count::seqs));
  auto load = [&](Value table, Index at) {
    return e.fromI32(e.load(table, at));
  };
  e.ifThen(e.index(context.worker) < e.index(1), [&] {
    Index zero = e.index(0);
    auto sequence = [&](Index s, ValueRange made) -> Emitter::Values {
      Index begin = load(starts, s), end = load(starts, s + 1);
      Index length = load(lengths, s);
      // The sequence's last row is at index length - 1 of its cache.
      e.forRange(begin, end, 1, [&](Index m) {
        e.store(e.toI32(m + length - end), position, m);
        e.store(e.toI32(length), all, m + rows);
      });
      return {
          emitTasks(e, tasks, s, begin, end, e.index(made[0]), rowsPerTask)};
    };
    Value count = e.forRange(zero, seqs, 1, {zero}, sequence)[0];
    e.store(e.toI32(e.index(count)), tasks, {zero, zero});
  });
}
