//===- DotFma.cpp - Products in f32 ---------------------------------------===//

#include "passes/CPU/Dot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {
/// Weights are converted to f32 in registers, inputs are broadcast.
struct DotFma : VectorDot {
  void step(Emitter &e, const DotTile &t, Index k,
            MutableArrayRef<Value> sums) const override {
    // More panels than rows: panel by panel, or the converted weights of all of
    // them would be alive at once.
    int64_t wide = t.rows < t.panels ? 1 : t.panels;
    for (int64_t first = 0; first < t.panels; first += wide)
      stepPanels(e, t, k, first, wide, sums);
  }

private:
  /// The panels [first, first + count) of a step.
  static void stepPanels(Emitter &e, const DotTile &t, Index k, int64_t first,
                         int64_t count, MutableArrayRef<Value> sums) {
    SmallVector<Value> raw;
    for (int64_t v = 0; v < count; ++v)
      raw.push_back(loadGroup(e, t, t.p + (first + v), k));
    for (int64_t j = 0; j < t.group; ++j) {
      SmallVector<Value> weights;
      for (Value group : raw)
        weights.push_back(column(e, t, group, j));
      for (int64_t r = 0; r < t.rows; ++r) {
        Value x = e.load(t.input, {t.m + r, t.elementOf(k * t.group + j)});
        x = e.broadcast(e.extend(x, e.b.getF32Type()), t.panel);
        for (int64_t v = 0; v < count; ++v) {
          Value &sum = sums[r * t.panels + first + v];
          sum = e.fma(weights[v], x, sum);
        }
      }
    }
  }

  static Value loadGroup(Emitter &e, const DotTile &t, Index p, Index k) {
    Type element = cast<MemRefType>(t.weights.getType()).getElementType();
    auto type = VectorType::get(t.panel * t.group, element);
    return e.load(type, t.weights, {p, k, e.index(0)});
  }

  /// Element `j` of the group of each row of the panel, as f32.
  static Value column(Emitter &e, const DotTile &t, Value group, int64_t j) {
    Type element = cast<VectorType>(group.getType()).getElementType();
    if (t.group == 2 && element.isBF16()) {
      // The two halves of a dword: one shift, or one mask.
      Value pair = e.bitcast(group, e.b.getI32Type());
      Value half = j == 0 ? e.shiftLeft(pair, e.splatBits(16, t.panel))
                          : e.bitAnd(pair, e.splatBits(0xffff0000, t.panel));
      return e.bitcast(half, e.b.getF32Type());
    }
    Value one = t.group == 1 ? group : e.strided(group, j, t.group, t.panel);
    return e.extend(one, e.f32x(t.panel));
  }
};
} // namespace

std::unique_ptr<VectorDot> cpu::makeDotFma() {
  return std::make_unique<DotFma>();
}
