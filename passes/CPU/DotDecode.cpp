//===- DotDecode.cpp - Weights of a block format as f32 -------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/CPU/BlockDot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Codes become f32 in registers: c * scale - (zero * scale + minimum), rounded
/// once; inputs are broadcast.
struct DotDecode : BlockDot {
  using BlockDot::BlockDot;

  void add(const BlockStep &s, MutableArrayRef<Value> sums, int64_t from,
           int64_t to) const override {
    int64_t group = s.blocks.getGroup();
    for (int64_t first = 0; first < s.count;) {
      int64_t last = std::min(s.count, (first / group + 1) * group);
      // Groups that runs divide: the step is one of their runs.
      addGroup(s, sums, first, last, from, to);
      first = last;
    }
  }

private:
  static void addGroup(const BlockStep &s, MutableArrayRef<Value> sums,
                       int64_t first, int64_t last, int64_t from, int64_t to) {
    Emitter &e = s.e;
    SmallVector<Value> scales, offsets;
    for (int64_t i = from; i < to; ++i) {
      scales.push_back(s.scale(i, first));
      offsets.push_back(offset(s, i, first, scales.back()));
    }
    for (int64_t at = first; at < last; at += 4) {
      SmallVector<Value> codes;
      for (int64_t i = from; i < to; ++i)
        codes.push_back(s.codes(i, at));
      for (int64_t byte = 0; byte < 4; ++byte) {
        SmallVector<Value> weights;
        for (auto [i, dword] : llvm::enumerate(codes))
          weights.push_back(
              e.fma(byteOf(s, dword, byte), scales[i], offsets[i]));
        addColumn(s, sums, s.element(at + byte), weights, from);
      }
    }
  }

  /// -(zero * scale + minimum)
  static Value offset(const BlockStep &s, int64_t vector, int64_t at,
                      Value scale) {
    Emitter &e = s.e;
    Value zero = e.mul(scale, e.splat(-double(s.blocks.codeZero()), s.lanes));
    return s.blocks.hasMinimum() ? e.sub(zero, s.minimum(vector, at)) : zero;
  }

  static Value byteOf(const BlockStep &s, Value dword, int64_t byte) {
    Emitter &e = s.e;
    Value code = dword;
    if (byte)
      code = e.shiftRight(code, e.splatBits(8 * byte, s.lanes));
    if (byte < 3)
      code = e.bitAnd(code, e.splatBits(0xff, s.lanes));
    return e.toFloat(code);
  }

  static void addColumn(const BlockStep &s, MutableArrayRef<Value> sums,
                        Index k, ArrayRef<Value> weights, int64_t from) {
    Emitter &e = s.e;
    for (int64_t r = 0; r < s.tile.rows; ++r) {
      Value x = e.load(s.tile.input, {s.tile.m + r, k});
      x = e.broadcast(e.extend(x, e.b.getF32Type()), s.lanes);
      for (auto [i, weight] : llvm::enumerate(weights)) {
        Value &sum = s.sum(sums, r, from + i);
        sum = e.fma(weight, x, sum);
      }
    }
  }
};

} // namespace

std::unique_ptr<Dot> cpu::makeDotDecode(TargetAttr target, int64_t panel) {
  return std::make_unique<DotDecode>(lanesOf(target, panel));
}
