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
    return makeDotAmx();
  return makeDotBf16();
}

SmallVector<std::unique_ptr<OpeningDot>>
cpu::chooseOpenings(tile::ContractOp op) {
  SmallVector<std::unique_ptr<OpeningDot>> openings;
  tile::ScheduleAttr schedule = *op.getSchedule();
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("mica.target");
  if (!target)
    return openings;
  bool hasTiles = target.getTiles() != nullptr;
  if (std::optional<uint64_t> from = op.getRoundWeightsFrom())
    openings.push_back(makeDotDecodeBf16(*from, hasTiles));
  auto groups = op.getGroups();
  if (!groups)
    return openings;
  // Whatever the schedule says: rows that are so many are no integers.
  if (groups->getValues())
    openings.push_back(makeDotDecodeBf16(groups->getFrom(), hasTiles));
  if (schedule.getDepth() && llvm::is_contained(schedule.getRows(), 16))
    if (auto dot = makeDotIntegerAmx(target, *op.getBlocks(), op.getPanel()))
      openings.push_back(std::move(dot));
  return openings;
}
