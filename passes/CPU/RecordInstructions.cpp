//===- RecordInstructions.cpp - What multiplies in each phase -------------===//

#include "passes/CPU/Passes.h"
#include "llvm/ADT/StringExtras.h"

namespace mica {
#define GEN_PASS_DEF_RECORDINSTRUCTIONSPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// The name of the dot product that `op` is: "vdpbf16ps" of
/// `llvm.x86.avx512bf16.dpbf16ps.512`. Empty if it is none.
std::string dotProduct(Operation *op) {
  auto call = dyn_cast<LLVM::CallIntrinsicOp>(op);
  if (!call)
    return "";
  // Names as LLVM has them, and as assembly has those that differ.
  static constexpr std::pair<StringRef, StringRef> names[] = {
      {"dpbf16ps", "vdpbf16ps"},  {"tdpbf16ps", "tdpbf16ps"},
      {"tdpbssd", "tdpbssd"},     {"vpdpbusd", "vpdpbusd"},
      {"pmaddubs", "vpmaddubsw"}, {"pmadd.ub.sw", "vpmaddubsw"}};
  for (auto [part, name] : names)
    if (call.getIntrin().contains(("." + part).str()))
      return name.str();
  return "";
}

/// Dot products in the order in which they stand; multiply-adds count only
/// where there is none, for they serve functions too.
struct Found {
  SmallVector<std::string> dots;
  bool multiplyAdds = false;

  void add(Operation *op) {
    std::string dot = dotProduct(op);
    if (!dot.empty() && !llvm::is_contained(dots, dot))
      dots.push_back(dot);
    multiplyAdds |= isa<math::FmaOp>(op);
  }
  std::string words() const {
    if (dots.empty())
      return multiplyAdds ? "vfmadd231ps" : "";
    return llvm::join(dots, ", ");
  }
};

struct RecordInstructions
    : mica::impl::RecordInstructionsPassBase<RecordInstructions> {
  using RecordInstructionsPassBase::RecordInstructionsPassBase;

  void runOnOperation() override {
    Builder b(&getContext());
    SmallVector<Attribute> phases;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Found found;
      // What stands between two barriers is the phase of the second.
      function.walk([&](Operation *op) {
        found.add(op);
        auto barrier = dyn_cast<tile::BarrierOp>(op);
        if (!barrier)
          return;
        size_t id = barrier.getId();
        phases.resize(std::max(phases.size(), id + 1), b.getStringAttr(""));
        phases[id] = b.getStringAttr(found.words());
        found = Found();
      });
    }
    getOperation()->setAttr("tile.instructions", b.getArrayAttr(phases));
  }
};

} // namespace
