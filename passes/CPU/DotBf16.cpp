//===- DotBf16.cpp - Products of bf16 pairs -------------------------------===//

#include "passes/CPU/Dot.h"
#include "passes/CPU/Instructions.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {
/// An instruction adds the two products of a pair to each f32 lane. Both
/// operands are pairs of consecutive k, so the input is a broadcast dword of
/// its row.
struct DotBf16 : VectorDot {
  explicit DotBf16(TargetAttr target)
      : instructions(makeInstructions(target)) {}

  void step(Emitter &e, const DotTile &t, Index k,
            MutableArrayRef<Value> sums) const override {
    Type bf16 = e.b.getBF16Type();
    SmallVector<Value> weights;
    for (int64_t v = 0; v < t.panels; ++v)
      weights.push_back(e.load(VectorType::get(t.panel * 2, bf16), t.weights,
                               {t.p + v, k, e.index(0)}));
    Index column = t.elementOf(k * 2);
    for (int64_t r = 0; r < t.rows; ++r) {
      Value pair = e.load(VectorType::get(2, bf16), t.input, {t.m + r, column});
      pair = e.extract(e.bitcast(pair, e.b.getI32Type()), 0);
      Value x = e.bitcast(e.broadcast(pair, t.panel), bf16);
      for (int64_t v = 0; v < t.panels; ++v) {
        Value &sum = sums[r * t.panels + v];
        sum = instructions->addPairsOfBf16(e, sum, weights[v], x);
      }
    }
  }

private:
  const std::unique_ptr<Instructions> instructions;
};
} // namespace

std::unique_ptr<VectorDot> cpu::makeDotBf16(TargetAttr target) {
  return std::make_unique<DotBf16>(target);
}
