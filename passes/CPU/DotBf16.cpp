//===- DotBf16.cpp - Products of bf16 pairs -------------------------------===//

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/CPU/Dot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {
/// vdpbf16ps adds the two products of a pair to each f32 lane. Both operands
/// are pairs of consecutive k, so the input is a broadcast dword of its row.
struct DotBf16 : VectorDot {
  void step(Emitter &e, const DotTile &t, Index k,
            MutableArrayRef<Value> sums) const override {
    Type bf16 = e.b.getBF16Type();
    SmallVector<Value> weights;
    for (int64_t v = 0; v < t.panels; ++v)
      weights.push_back(e.load(VectorType::get(t.panel * 2, bf16), t.weights,
                               {t.p + v, k, e.index(0)}));
    Index column = k * 2;
    if (t.inputAt.value)
      column = t.inputAt + column;
    for (int64_t r = 0; r < t.rows; ++r) {
      Value pair = e.load(VectorType::get(2, bf16), t.input, {t.m + r, column});
      pair = e.extract(e.bitcast(pair, e.b.getI32Type()), 0);
      Value x = e.bitcast(e.broadcast(pair, t.panel), bf16);
      for (int64_t v = 0; v < t.panels; ++v)
        dot(e, sums[r * t.panels + v], weights[v], x);
    }
  }

private:
  static void dot(Emitter &e, Value &sum, Value weights, Value x) {
    sum = LLVM::CallIntrinsicOp::create(
              e.b, e.loc, sum.getType(),
              e.b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
              ValueRange{sum, weights, x})
              .getResult(0);
  }
};
} // namespace

std::unique_ptr<VectorDot> cpu::makeDotBf16() {
  return std::make_unique<DotBf16>();
}
