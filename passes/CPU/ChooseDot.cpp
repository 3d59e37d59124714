//===- ChooseDot.cpp - Which instructions a contraction uses --------------===//

#include "passes/CPU/ChooseDot.h"
#include "dialects/Mica/Mica.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/CPU/BlockDot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;

std::unique_ptr<Dot> cpu::chooseDot(tile::ContractOp op) {
  MemRefType weight = op.getWeight().getType();
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("mica.target");
  if (op.getBlocks() && !op.getGroups())
    return makeDotDecode(target, op.getPanel());
  if (op.getBlocks())
    return makeDotInteger(target, op.getPanel());
  bool pairs = target && target.hasDot(weight.getElementType()) &&
               weight.getElementType().isBF16() &&
               op.getInput().getType().getElementType().isBF16() &&
               weight.getDimSize(2) == 16 && weight.getDimSize(3) == 2;
  if (!pairs)
    return makeDotFma();
  if (target.getFeatures().contains("+amx-bf16"))
    return makeDotAmx(target);
  return makeDotBf16(target);
}

SmallVector<std::unique_ptr<OpeningDot>>
cpu::chooseOpenings(tile::ContractOp op) {
  SmallVector<std::unique_ptr<OpeningDot>> openings;
  tile::ScheduleAttr schedule = *op.getSchedule();
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("mica.target");
  if (!target)
    return openings;
  // Whatever the schedule says: weights beside so many rows are rounded.
  auto groups = op.getGroups();
  if (int64_t from =
          groups ? groups->getFrom() : op.getRoundWeightsFrom().value_or(0))
    openings.push_back(makeDotDecodeBf16(target, from));
  if (groups && schedule.getDepth() &&
      llvm::is_contained(schedule.getRows(), 16))
    if (auto dot = makeDotIntegerAmx(target, *op.getBlocks(), op.getPanel()))
      openings.push_back(std::move(dot));
  return openings;
}
