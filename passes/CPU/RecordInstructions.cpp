//===- RecordInstructions.cpp - What multiplies in each phase -------------===//

#include "passes/CPU/Instructions.h"
#include "passes/CPU/Passes.h"
#include "llvm/ADT/StringExtras.h"

namespace mica {
#define GEN_PASS_DEF_RECORDINSTRUCTIONSPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Dot products in the order in which they stand; multiply-adds count only
/// where there is none, for they serve functions too.
struct Found {
  SmallVector<StringRef> dots;
  bool multiplyAdds = false;

  void add(Operation *op, const cpu::Instructions &instructions) {
    if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op)) {
      StringRef dot = instructions.dotName(call.getIntrin());
      if (!dot.empty() && !llvm::is_contained(dots, dot))
        dots.push_back(dot);
    }
    multiplyAdds |= isa<math::FmaOp>(op);
  }
  std::string words(const cpu::Instructions &instructions) const {
    if (dots.empty())
      return multiplyAdds ? instructions.multiplyAddName().str() : "";
    return llvm::join(dots, ", ");
  }
};

struct RecordInstructions
    : mica::impl::RecordInstructionsPassBase<RecordInstructions> {
  using RecordInstructionsPassBase::RecordInstructionsPassBase;

  void runOnOperation() override {
    Builder b(&getContext());
    auto instructions = cpu::makeInstructions(
        getOperation()->getAttrOfType<TargetAttr>("mica.target"));
    SmallVector<Attribute> phases;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Found found;
      // What stands between two barriers is the phase of the second.
      function.walk([&](Operation *op) {
        found.add(op, *instructions);
        auto barrier = dyn_cast<tile::BarrierOp>(op);
        if (!barrier)
          return;
        size_t id = barrier.getId();
        phases.resize(std::max(phases.size(), id + 1), b.getStringAttr(""));
        phases[id] = b.getStringAttr(found.words(*instructions));
        found = Found();
      });
    }
    getOperation()->setAttr("tile.instructions", b.getArrayAttr(phases));
  }
};

} // namespace
