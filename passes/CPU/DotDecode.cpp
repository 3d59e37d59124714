//===- DotDecode.cpp - Weights of a block format as f32 -------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/CPU/BlockDot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

DecodedGroup::DecodedGroup(const BlockStep &s, int64_t vector, int64_t at)
    : step(s), vector(vector), scale(s.scale(vector, at)) {
  Emitter &e = s.e;
  if (s.blocks.getFloats()) {
    scale = e.mul(scale, e.splat(tile::floatUnit(s.blocks), s.lanes));
    return;
  }
  offset = e.mul(scale, e.splat(-double(s.blocks.codeZero()), s.lanes));
  if (s.blocks.hasMinimum())
    offset = e.sub(offset, s.minimum(vector, at));
}

std::array<Value, 4> DecodedGroup::at(int64_t at) const {
  Emitter &e = step.e;
  std::array<Value, 4> result;
  if (step.blocks.getFloats()) {
    result = step.floats(vector, at);
    for (Value &number : result)
      number = e.mul(number, scale);
    return result;
  }
  Value codes = step.codes(vector, at);
  for (int64_t byte = 0; byte < 4; ++byte)
    result[byte] = e.fma(e.toFloat(step.code(codes, byte)), scale, offset);
  return result;
}

namespace {

/// Codes become f32 in registers; inputs are broadcast.
struct DotDecode : BlockDot {
  using BlockDot::BlockDot;

  /// Beside the sums there are four weights of each vector.
  int64_t mostRows() const override { return lanes > 4 ? 8 : 4; }

  void add(const BlockStep &s, MutableArrayRef<Value> sums, int64_t from,
           int64_t to) const override {
    s.prefetch(from, to, 0, 1);
    s.forGroups(0, s.count, [&](int64_t first, int64_t last) {
      addGroup(s, sums, first, last, from, to);
    });
  }

private:
  static void addGroup(const BlockStep &s, MutableArrayRef<Value> sums,
                       int64_t first, int64_t last, int64_t from, int64_t to) {
    SmallVector<DecodedGroup> groups;
    for (int64_t i = from; i < to; ++i)
      groups.emplace_back(s, i, first);
    for (int64_t at = first; at < last; at += 4) {
      SmallVector<std::array<Value, 4>> weights;
      for (const DecodedGroup &group : groups)
        weights.push_back(group.at(at));
      for (int64_t i = 0; i < 4; ++i) {
        SmallVector<Value> column;
        for (const std::array<Value, 4> &four : weights)
          column.push_back(four[i]);
        addColumn(s, sums, s.element(at + i), column, from);
      }
    }
  }

  static void addColumn(const BlockStep &s, MutableArrayRef<Value> sums,
                        Index k, ArrayRef<Value> weights, int64_t from) {
    Emitter &e = s.e;
    for (int64_t r = 0; r < s.tile.rows; ++r) {
      Value x = e.load(s.tile.input, {s.tile.m + r, s.tile.elementOf(k)});
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
  return std::make_unique<DotDecode>(target, panel);
}
