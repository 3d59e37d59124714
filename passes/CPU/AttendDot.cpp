//===- AttendDot.cpp - Products with cached keys and values ---------------===//

#include "passes/CPU/AttendDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/CPU/BlockDot.h"
#include "passes/CPU/Instructions.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// `values`, of floats, as elements of `type`.
Value convert(Emitter &e, Value values, Type type) {
  auto from = cast<VectorType>(values.getType());
  if (from.getElementType() == type)
    return values;
  return type.isF32() ? e.extend(values, e.f32x(from.getDimSize(0)))
                      : e.truncate(values, type);
}

/// Rows and pool in f32; halves of a bf16 pair are one shift and one mask.
struct FmaDot : AttendDot {
  explicit FmaDot(int64_t group)
      : AttendDot(group, /*vectors=*/1, /*sums=*/1) {}

  Type getRowType(Emitter &e) const override { return e.b.getF32Type(); }

  void storeRow(Emitter &e, Value values, Value rows,
                ArrayRef<Index> at) const override {
    e.store(convert(e, values, getRowType(e)), rows, at);
  }

  Operands loadPanel(Emitter &e, Value pool,
                     ArrayRef<Index> at) const override {
    Type element = cast<MemRefType>(pool.getType()).getElementType();
    Value raw = e.load(VectorType::get(lanes * group, element), pool, at);
    if (group == 1)
      return {e.extend(raw, e.f32x(lanes))};
    Value pairs = e.bitcast(raw, e.b.getI32Type());
    Value even = e.shiftLeft(pairs, e.splatBits(16, lanes));
    Value odd = e.bitAnd(pairs, e.splatBits(0xffff0000, lanes));
    return {e.bitcast(even, e.b.getF32Type()),
            e.bitcast(odd, e.b.getF32Type())};
  }

  Operands loadRow(Emitter &e, Value rows, SmallVector<Index, 3> at,
                   Index k) const override {
    Operands result;
    at.emplace_back();
    for (int64_t i = 0; i < group; ++i) {
      at.back() = k * group + i;
      result.push_back(e.broadcast(e.load(rows, at), lanes));
    }
    return result;
  }

  void multiply(Emitter &e, MutableArrayRef<Value> into, const Operands &panel,
                const Operands &row) const override {
    for (int64_t i = 0; i < group; ++i)
      into[0] = e.fma(panel[i], row[i], into[0]);
  }
};

/// Rows and pool in pairs of bf16.
struct Bf16Dot : AttendDot {
  Bf16Dot(TargetAttr target, int64_t group)
      : AttendDot(group, /*vectors=*/1, /*sums=*/1),
        instructions(makeInstructions(target)) {}

  Type getRowType(Emitter &e) const override { return e.b.getBF16Type(); }

  void storeRow(Emitter &e, Value values, Value rows,
                ArrayRef<Index> at) const override {
    e.store(convert(e, values, getRowType(e)), rows, at);
  }

  Operands loadPanel(Emitter &e, Value pool,
                     ArrayRef<Index> at) const override {
    return {e.load(VectorType::get(lanes * 2, e.b.getBF16Type()), pool, at)};
  }

  Operands loadRow(Emitter &e, Value rows, SmallVector<Index, 3> at,
                   Index k) const override {
    at.push_back(k * 2);
    Value pair = e.load(VectorType::get(2, e.b.getBF16Type()), rows, at);
    pair = e.extract(e.bitcast(pair, e.b.getI32Type()), 0);
    return {e.bitcast(e.broadcast(pair, lanes), e.b.getBF16Type())};
  }

  void multiply(Emitter &e, MutableArrayRef<Value> into, const Operands &panel,
                const Operands &row) const override {
    into[0] = instructions->addPairsOfBf16(e, into[0], panel[0], row[0]);
  }

private:
  const std::unique_ptr<Instructions> instructions;
};

/// Rows of i16, a pool of codes of 8 or 4 bits, sums of i32. What comes from 16
/// bits of the pool by a shift and a mask is the same element of both halves of
/// a dword: of bytes elements 0 and 2, then 1 and 3, which is the order of a
/// row in memory. Codes count from 0 up, but for values of 8 bits, which are
/// signed.
struct IntegerDot : AttendDot {
  IntegerDot(TargetAttr target, int64_t bits, bool isKeys)
      : AttendDot(isKeys ? 32 / bits : 4, isKeys ? 1 : 8 / bits,
                  (isKeys ? 1 : 8 / bits) * lanes / lanesOf(target, lanes),
                  /*isInteger=*/true),
        bits(bits), width(lanesOf(target, lanes)),
        isSigned(bits == 8 && !isKeys), instructions(makeInstructions(target)) {
  }

  Type getRowType(Emitter &e) const override { return e.b.getI16Type(); }

  void storeRow(Emitter &e, Value values, Value rows,
                ArrayRef<Index> at) const override {
    Value narrow = e.resize(values, e.b.getI16Type(), /*isSigned=*/true);
    SmallVector<int64_t> order;
    int64_t size = cast<VectorType>(values.getType()).getDimSize(0);
    for (int64_t first = 0; first < size; first += group)
      for (int64_t i = 0; i < group / 2; ++i)
        order.append({first + i, first + i + group / 2});
    e.store(vector::ShuffleOp::create(e.b, e.loc, narrow, narrow, order), rows,
            at);
  }

  Operands loadPanel(Emitter &e, Value pool,
                     ArrayRef<Index> at) const override {
    Value raw = e.load(VectorType::get(lanes * 4, e.b.getI8Type()), pool, at);
    raw = e.bitcast(raw, e.b.getI16Type());
    Operands result;
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t first = 0; first < lanes; first += width) {
        Value part = e.slice(raw, first * 2, width * 2);
        for (int64_t i = 0; i < group / 2; ++i)
          result.push_back(field(e, part, i * vectors + v));
      }
    return result;
  }

  Operands loadRow(Emitter &e, Value rows, SmallVector<Index, 3> at,
                   Index k) const override {
    Operands result;
    at.emplace_back();
    for (int64_t i = 0; i < group; i += 2) {
      at.back() = k * group + i;
      Value pair = e.load(VectorType::get(2, e.b.getI16Type()), rows, at);
      pair = e.extract(e.bitcast(pair, e.b.getI32Type()), 0);
      result.push_back(e.bitcast(e.broadcast(pair, width), e.b.getI16Type()));
    }
    return result;
  }

  void multiply(Emitter &e, MutableArrayRef<Value> into, const Operands &panel,
                const Operands &row) const override {
    for (auto [i, operand] : llvm::enumerate(panel)) {
      Value &sum = into[i / row.size()];
      sum = instructions->addPairs(e, sum, operand, row[i % row.size()]);
    }
  }

private:
  /// The codes that begin at bit `index * bits` of 16.
  Value field(Emitter &e, Value halves, int64_t index) const {
    auto type = cast<VectorType>(halves.getType());
    int64_t low = index * bits, above = 16 - bits - low;
    if (isSigned) {
      if (above)
        halves = e.shiftLeft(halves, e.splatOf(above, type));
      return arith::ShRSIOp::create(e.b, e.loc, halves,
                                    e.splatOf(16 - bits, type));
    }
    if (low)
      halves = e.shiftRight(halves, e.splatOf(low, type));
    return above ? e.bitAnd(halves, e.splatOf((1 << bits) - 1, type)) : halves;
  }

  int64_t bits, width; // of a code; lanes of a sum
  bool isSigned;
  const std::unique_ptr<Instructions> instructions;
};

} // namespace

Value RowScale::integers(Emitter &e, Value values) const {
  int64_t size = cast<VectorType>(values.getType()).getDimSize(0);
  return e.toInteger(e.mul(values, e.broadcast(inverse, size)));
}

RowScale cpu::scaleOf(Emitter &e, Value most) {
  constexpr double greatest = 32767, least = 1e-30;
  most = e.maximum(most, e.f32(least));
  return {e.mul(most, e.f32(1 / greatest)), e.div(e.f32(greatest), most)};
}

std::unique_ptr<AttendDot> cpu::makeAttendDot(tile::AttendOp op,
                                              TargetAttr target, Type query,
                                              bool isKeys) {
  Value memory = isKeys ? op.getKeys() : op.getValues();
  auto pool = cast<MemRefType>(memory.getType());
  if (pool.getElementType().isInteger())
    return std::make_unique<IntegerDot>(target, op.getBits(), isKeys);
  int64_t group = pool.getShape().back();
  if (query.isBF16() && pool.getElementType().isBF16() && group == 2)
    return std::make_unique<Bf16Dot>(target, group);
  return std::make_unique<FmaDot>(group);
}
