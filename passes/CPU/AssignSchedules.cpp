//===- AssignSchedules.cpp - Rows of the schedule tables ------------------===//

#include "mlir/Parser/Parser.h"
#include "passes/CPU/Expand.h"
#include "passes/CPU/Passes.h"
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
  if (target.getCpu() != "x86-64-v4")
    return {};
  if (!target.hasDot(BFloat16Type::get(target.getContext())))
    return schedules_x86_64_v4;
  return target.getFeatures().contains("+amx-bf16") ? schedules_x86_64_v4_amx
                                                    : schedules_x86_64_v4_bf16;
}

/// The types that a row of the table may ask for: of the weight or the cache,
/// and of the activations.
std::pair<Type, Type> typesOf(Operation *op) {
  auto element = [](Value v) {
    return cast<MemRefType>(v.getType()).getElementType();
  };
  if (auto contract = dyn_cast<tile::ContractOp>(op))
    return {element(contract.getWeight()), element(contract.getInput())};
  if (auto attend = dyn_cast<tile::AttendOp>(op))
    return {element(attend.getKeys()), element(attend.getQuery())};
  return {};
}

bool agrees(DictionaryAttr row, StringRef field, Type type) {
  auto wanted = row.getAs<TypeAttr>(field);
  return !wanted || wanted.getValue() == type;
}

/// Whether `row` asks for another shape or block format than that of `op`.
bool isForOthers(DictionaryAttr row, Operation *op) {
  auto contract = dyn_cast<tile::ContractOp>(op);
  for (StringRef field : {"columns", "terms", "blocks"})
    if (Attribute wanted = row.get(field))
      if (!contract || wanted != contract->getAttr(field))
        return true;
  return false;
}

/// The first row for `op`, or null.
tile::ScheduleAttr findRow(ArrayAttr table, Operation *op) {
  auto [weight, input] = typesOf(op);
  for (auto row : table.getAsRange<DictionaryAttr>())
    if (row.getAs<StringAttr>("op") == op->getName().getStringRef() &&
        agrees(row, "weight", weight) && agrees(row, "input", input) &&
        !isForOthers(row, op))
      return row.getAs<tile::ScheduleAttr>("schedule");
  return {};
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
                       "x86-64-v4), but got '")
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
    llvm::append_range(
        rows, (*source)->getAttrOfType<ArrayAttr>("tile.schedules"));
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
      tile::ScheduleAttr schedule = findRow(table, op);
      if (!schedule) {
        op->emitOpError("has no row in the schedule table of the target");
        return WalkResult::interrupt();
      }
      op->setAttr("schedule", schedule);
      return WalkResult::advance();
    });
    return failure(walked.wasInterrupted());
  }
};

} // namespace
