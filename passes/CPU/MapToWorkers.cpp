//===- MapToWorkers.cpp - Phases as loops over tasks ----------------------===//

#include "passes/CPU/Expand.h"
#include "passes/CPU/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mica {
#define GEN_PASS_DEF_MAPTOWORKERSPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;
using tile::Emitter;
using tile::Index;

namespace {

/// An operation of a phase and the number of the task after its last.
struct Kernel {
  Operation *op;
  Index end;
};

Index countTasks(Emitter &e, Operation *op) {
  return TypeSwitch<Operation *, Index>(op)
      .Case<tile::ContractOp, tile::RowsOp, tile::AttendOp, tile::EachOp>(
          [&](auto kernel) { return cpu::countTasks(e, kernel); });
}

void expandTask(Emitter &e, Operation *op, Index task) {
  TypeSwitch<Operation *>(op)
      .Case<tile::ContractOp, tile::RowsOp, tile::AttendOp, tile::EachOp>(
          [&](auto kernel) { cpu::expandTask(e, kernel, task); });
}

/// The task `task` of `kernels`, whose first task is number `begin`.
void dispatch(Emitter &e, ArrayRef<Kernel> kernels, Index begin, Index task) {
  Kernel kernel = kernels.front();
  if (kernels.size() == 1)
    return expandTask(e, kernel.op, task - begin);
  auto branch = scf::IfOp::create(e.b, e.loc, task < kernel.end,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(branch.thenBlock());
  expandTask(e, kernel.op, task - begin);
  e.b.setInsertionPointToStart(branch.elseBlock());
  dispatch(e, kernels.drop_front(), kernel.end, task);
}

void loopOverTasks(Emitter &e, Value step, ArrayRef<Kernel> kernels) {
  Type index = e.b.getIndexType();
  Value first = tile::NextTaskOp::create(e.b, e.loc, index, step);
  auto loop = scf::WhileOp::create(e.b, e.loc, index, first);
  OpBuilder::InsertionGuard guard(e.b);
  Block *before = e.b.createBlock(&loop.getBefore(), {}, index, e.loc);
  Value task = before->getArgument(0);
  Value more = e.index(task) < kernels.back().end;
  scf::ConditionOp::create(e.b, e.loc, more, task);

  Block *after = e.b.createBlock(&loop.getAfter(), {}, index, e.loc);
  dispatch(e, kernels, e.index(int64_t(0)), e.index(after->getArgument(0)));
  Value next = tile::NextTaskOp::create(e.b, e.loc, index, step);
  scf::YieldOp::create(e.b, e.loc, next);
}

LogicalResult mapPhase(tile::PhaseOp phase) {
  OpBuilder b(phase);
  Emitter e(b, phase.getLoc());
  SmallVector<Kernel> kernels;
  for (Operation &op : llvm::make_early_inc_range(*phase.getBody().begin())) {
    if (!isa<tile::ContractOp, tile::RowsOp, tile::AttendOp, tile::EachOp>(
            op)) {
      op.moveBefore(phase);
      continue;
    }
    if (!isa<tile::EachOp>(op) && !op.getAttr("schedule"))
      return op.emitOpError("expects a schedule (--mica-assign-schedules)");
    kernels.push_back({&op, Index()});
  }
  Index end = e.index(int64_t(0));
  for (Kernel &kernel : kernels)
    kernel.end = end = end + countTasks(e, kernel.op);
  if (!kernels.empty())
    loopOverTasks(e, phase.getStep(), kernels);
  tile::BarrierOp::create(b, phase.getLoc(), phase.getStep(), phase.getWorker(),
                          phase.getWorkers(), phase.getIdAttr());
  phase.erase();
  return success();
}

struct MapToWorkers : mica::impl::MapToWorkersPassBase<MapToWorkers> {
  using MapToWorkersPassBase::MapToWorkersPassBase;

  void runOnOperation() override {
    SmallVector<tile::PhaseOp> phases;
    getOperation()->walk([&](tile::PhaseOp phase) { phases.push_back(phase); });
    for (tile::PhaseOp phase : phases)
      if (failed(mapPhase(phase)))
        return signalPassFailure();
  }
};

} // namespace
