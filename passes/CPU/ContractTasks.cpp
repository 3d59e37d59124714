//===- ContractTasks.cpp - A contraction's tasks --------------------------===//

#include "passes/CPU/ContractTasks.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

/// A step with more rows than this many row tiles passes over parts of k, units
/// of columns being so many times wider: then it reads its inputs less often.
static constexpr int64_t deepRowTiles = 2, deepUnits = 4;

/// Columns of k that are opened at a time if the schedule does not say.
static constexpr int64_t openDepth = 512;

ContractTasks::ContractTasks(Emitter &e, tile::ContractOp op, bool opens)
    : e(e), op(op), schedule(*op.getSchedule()) {
  MemRefType weight = op.getWeight().getType();
  panel = op.getPanel();
  group = op.getBlocks() ? op.getBlocks()->block(panel) : weight.getDimSize(3);
  groups = weight.getDimSize(1);
  parts = op.getParts();
  granule = op.getGranule();
  // Without padding inside, a granule of any epilogue is as good as a panel.
  if (op.getElastic() && granule % panel == 0)
    granule = panel;
  panelsPerGranule = llvm::divideCeil(granule, panel);
  granules = llvm::divideCeil(op.getColumns(), granule);
  chunk = llvm::divideCeil(llvm::max_element(schedule.getPanels())[0],
                           panelsPerGranule);
  chunk = std::min(chunk, granules);
  unit = std::max<int64_t>(1, schedule.getUnit() / (granule * chunk)) * chunk;
  unit = std::min<int64_t>(unit, llvm::divideCeil(granules, chunk) * chunk);
  int64_t columns = schedule.getDepth();
  if (opens && columns == 0)
    columns = openDepth;
  depth = std::min(columns / group, groups);
  if (opens)
    depth = std::max<int64_t>(depth, 1);
  if (depth == 0 || (depth == groups && !opens))
    depth = groups;
  else
    deepUnit = std::min<int64_t>(llvm::divideCeil(granules, unit) * unit,
                                 deepUnits * unit);
}

Index ContractTasks::workers() {
  return e.index(op->getParentOfType<tile::PhaseOp>().getWorkers());
}

Index ContractTasks::entry(Index run, int64_t field) {
  return e.fromI32(e.load(op.getRuns(), {run, e.index(field)}));
}

Index ContractTasks::runsEnd() { return entry(e.index(0), 0) + 1; }

ContractTasks::Rows ContractTasks::rowsOf(Index run) {
  if (!op.getRuns())
    return {e.index(0), e.dim(op.getInput(), 0)};
  return {entry(run, 1), entry(run + 1, 1)};
}

Index ContractTasks::blocksOf(const Rows &rows) {
  return ceilDiv(rows.count(), schedule.getBlock());
}

/// Whether there are rows enough to pass over weights in the first cache, and
/// columns (or runs) enough for every worker to have some.
Value ContractTasks::isDeep(const Rows &rows) {
  Value many =
      e.index(deepRowTiles * schedule.getRows().front()) < rows.count();
  if (op.getRuns())
    return many;
  Index tasks = blocksOf(rows) * llvm::divideCeil(granules, deepUnit) * parts;
  return e.bitAnd(many, workers() < tasks);
}

Index ContractTasks::countOf(const Rows &rows) {
  Index units = e.index(llvm::divideCeil(granules, unit));
  if (deepUnit)
    units = e.select(isDeep(rows),
                     e.index(llvm::divideCeil(granules, deepUnit)), units);
  return blocksOf(rows) * units;
}

Index ContractTasks::count() {
  Index zero = e.index(0);
  if (!op.getRuns())
    return countOf(rowsOf(zero)) * parts;
  Value sum = e.forRange(e.index(1), runsEnd(), 1, {zero},
                         [&](Index run, ValueRange before) -> Emitter::Values {
                           return {e.index(before[0]) + countOf(rowsOf(run))};
                         })[0];
  return e.index(sum);
}

/// The run of a task is the last one that begins at or before it.
ContractTasks::Place ContractTasks::placeOf(Index number) {
  Index zero = e.index(0);
  if (op.getInputStep()) {
    Index each = countOf(rowsOf(zero));
    return {number / each, number % each};
  }
  if (!op.getRuns())
    return {zero, number};
  Emitter::Values found =
      e.forRange(e.index(1), runsEnd(), 1, {zero, zero, zero},
                 [&](Index run, ValueRange carried) -> Emitter::Values {
                   Index begin = e.index(carried[0]);
                   Value isBehind = number < begin;
                   return {begin + countOf(rowsOf(run)),
                           e.select(isBehind, e.index(carried[1]), begin),
                           e.select(isBehind, e.index(carried[2]), run)};
                 });
  return {e.index(found[2]), number - e.index(found[1])};
}

/// Which of `units` is drawn as number `at`. Workers that draw in turn each go
/// through a run of units, so that what the hardware prefetches is their own.
Index ContractTasks::unitOf(Index at, Index units) {
  Index run = at % workers();
  return run * (units / workers()) + min(run, units % workers()) +
         at / workers();
}

ContractTask ContractTasks::get(Index number) {
  auto [run, at] = placeOf(number);
  Rows rows = rowsOf(run);
  ContractTask task;
  task.rows = rows.count();
  Index part = op.getRuns() ? entry(run, 0) : run;
  task.firstPanel = part * (op.getWeight().getType().getDimSize(0) / parts);
  if (op.getInputStep()) {
    task.inputAt = part * op.getInputStep();
    task.firstColumn = part * op.getOutputStep();
  }
  Index width = e.index(unit);
  if (deepUnit) {
    task.deep = isDeep(rows);
    width = e.select(task.deep, e.index(deepUnit), width);
  }
  // Row blocks run fastest, so that a unit's weights come from memory once.
  Index blocks = blocksOf(rows);
  task.m0 = rows.from + at % blocks * schedule.getBlock();
  task.m1 = min(task.m0 + schedule.getBlock(), rows.to);
  task.g0 =
      unitOf(at / blocks, (e.index(granules - 1) + width) / width) * width;
  task.g1 = task.g0 + width;
  if (granules % unit || deepUnit)
    task.g1 = min(task.g1, e.index(granules));
  return task;
}
