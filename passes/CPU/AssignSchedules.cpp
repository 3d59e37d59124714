//===- AssignSchedules.cpp - Rows of the schedule tables ------------------===//

#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "passes/CPU/Expand.h"
#include "passes/CPU/Passes.h"
#include "passes/CPU/ScheduleRows.h"
#include "passes/CPU/Schedules.h.inc"

namespace mica {
#define GEN_PASS_DEF_ASSIGNSCHEDULESPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// The text of the table for `target`, empty if there is none.
StringRef tableText(TargetAttr target) {
  if (target.getCpu() == "x86-64-v3")
    return schedules_x86_64_v3;
  if (target.getCpu() == "armv8.2-a")
    return schedules_armv8_2_a;
  if (target.getCpu() != "x86-64-v4")
    return {};
  if (!target.hasDot(BFloat16Type::get(target.getContext())))
    return schedules_x86_64_v4;
  return target.getFeatures().contains("+amx-bf16") ? schedules_x86_64_v4_amx
                                                    : schedules_x86_64_v4_bf16;
}

/// Says where the schedule of `op` comes from, if not from the compiler.
void cite(Operation *op, StringRef origin) {
  auto phase = op->getParentOfType<tile::PhaseOp>();
  DictionaryAttr kernel = cpu::describeKernel(op);
  std::string shape;
  if (auto contract = dyn_cast<tile::ContractOp>(op))
    shape =
        llvm::formatv(" for {0} columns of {1} terms", contract.getColumns(),
                      cast<IntegerAttr>(kernel.get("terms")).getInt());
  remark::passed(op->getLoc(),
                 remark::RemarkOpts::name("assign-schedules").category("mica"))
      << remark::add("phase '{0}' takes a tuned schedule{1} from {2}",
                     phase ? phase.getName() : "", shape, origin);
}

struct AssignSchedules : mica::impl::AssignSchedulesPassBase<AssignSchedules> {
  using AssignSchedulesPassBase::AssignSchedulesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<TargetAttr>("mica.target");
    if (!target) {
      module.emitError("expects the attribute 'mica.target' on the module");
      return signalPassFailure();
    }
    StringRef text = tableText(target);
    if (text.empty()) {
      module.emitError("expects a cpu with a schedule table (x86-64-v3, "
                       "x86-64-v4, armv8.2-a), but got '")
          << target.getCpu() << "'";
      return signalPassFailure();
    }
    OwningOpRef<ModuleOp> source =
        parseSourceString<ModuleOp>(text, &getContext());
    if (!source)
      return signalPassFailure();
    SmallVector<Attribute> rows;
    if (auto tuned = module->getAttrOfType<ArrayAttr>("tile.schedules"))
      llvm::append_range(rows, tuned);
    llvm::append_range(rows,
                       (*source)->getAttrOfType<ArrayAttr>("tile.schedules"));
    if (failed(assign(module, ArrayAttr::get(&getContext(), rows))))
      return signalPassFailure();
    int64_t bytes = 0;
    module.walk([&](tile::ContractOp op) {
      bytes = std::max(bytes, cpu::workerBytes(op));
    });
    module->setAttr("tile.worker_bytes",
                    IntegerAttr::get(IntegerType::get(&getContext(), 64),
                                     llvm::alignTo(bytes, 64)));
  }

private:
  LogicalResult assign(ModuleOp module, ArrayAttr table) {
    auto walked = module.walk([&](Operation *op) {
      if (!isa<tile::ContractOp, tile::RowsOp, tile::AttendOp>(op) ||
          op->hasAttr("schedule"))
        return WalkResult::advance();
      DictionaryAttr row = cpu::findRow(table, op);
      auto schedule = row ? row.getAs<tile::ScheduleAttr>("schedule") : nullptr;
      if (!schedule) {
        op->emitOpError("has no row in the schedule table of the target");
        return WalkResult::interrupt();
      }
      op->setAttr("schedule", schedule);
      if (auto origin = row.getAs<StringAttr>("from"))
        cite(op, origin);
      return WalkResult::advance();
    });
    return failure(walked.wasInterrupted());
  }
};

} // namespace
