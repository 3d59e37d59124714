//===- AttendDot.cpp - Products with cached keys and values ---------------===//

#include "passes/CPU/AttendDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Rows and pool in f32; halves of a bf16 pair are one shift and one mask.
struct FmaDot : AttendDot {
  using AttendDot::AttendDot;

  Type getRowType(Emitter &e) const override { return e.b.getF32Type(); }

  Value toRow(Emitter &e, Value values) const override {
    return e.extend(values,
                    e.f32x(cast<VectorType>(values.getType()).getDimSize(0)));
  }

  Operands loadPanel(Emitter &e, Value pool,
                     ArrayRef<Index> at) const override {
    Type element = cast<MemRefType>(pool.getType()).getElementType();
    Value raw = e.load(VectorType::get(lanes * group, element), pool, at);
    if (element.isInteger())
      return {e.toFloat(e.resize(raw, e.b.getI32Type(), /*isSigned=*/true))};
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

  Value multiply(Emitter &e, Value sum, const Operands &panel,
                 const Operands &row) const override {
    for (int64_t i = 0; i < group; ++i)
      sum = e.fma(panel[i], row[i], sum);
    return sum;
  }
};

/// Rows and pool in pairs of bf16.
struct Bf16Dot : AttendDot {
  using AttendDot::AttendDot;

  Type getRowType(Emitter &e) const override { return e.b.getBF16Type(); }

  Value toRow(Emitter &e, Value values) const override {
    auto type = cast<VectorType>(values.getType());
    if (type.getElementType().isBF16())
      return values;
    return arith::TruncFOp::create(
        e.b, e.loc, VectorType::get(type.getShape(), e.b.getBF16Type()),
        values);
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

  Value multiply(Emitter &e, Value sum, const Operands &panel,
                 const Operands &row) const override {
    return LLVM::CallIntrinsicOp::create(
               e.b, e.loc, sum.getType(),
               e.b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
               ValueRange{sum, panel[0], row[0]})
        .getResult(0);
  }
};

} // namespace

std::unique_ptr<AttendDot> cpu::makeAttendDot(Type query, MemRefType pool) {
  int64_t group = pool.getShape().back();
  if (query.isBF16() && pool.getElementType().isBF16() && group == 2)
    return std::make_unique<Bf16Dot>(group);
  return std::make_unique<FmaDot>(group);
}
