//===- PackEmitter.h - Arithmetic of pack functions -------------*- C++ -*-===//

#ifndef PASSES_GROUP_PACKEMITTER_H
#define PASSES_GROUP_PACKEMITTER_H

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include <numeric>

namespace mica {

/// Builds i64 and vector arithmetic at one place.
struct Emitter {
  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Value i64(int64_t value) {
    return mlir::arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  mlir::Value splat(int64_t value, mlir::VectorType type) {
    auto element = b.getIntegerAttr(type.getElementType(), value);
    return mlir::arith::ConstantOp::create(
        b, loc, mlir::DenseElementsAttr::get(type, element));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddIOp::create(b, loc, x, y);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return mlir::arith::MulIOp::create(b, loc, x, y);
  }
  mlir::Value add(mlir::Value x, int64_t y) { return y ? add(x, i64(y)) : x; }
  mlir::Value sub(mlir::Value x, int64_t y) { return add(x, -y); }
  mlir::Value mul(mlir::Value x, int64_t y) {
    return y == 1 ? x : mul(x, i64(y));
  }
  mlir::Value div(mlir::Value x, int64_t y) {
    return y == 1
               ? x
               : mlir::Value(mlir::arith::DivUIOp::create(b, loc, x, i64(y)));
  }
  mlir::Value mod(mlir::Value x, int64_t y) {
    return y == 1
               ? i64(0)
               : mlir::Value(mlir::arith::RemUIOp::create(b, loc, x, i64(y)));
  }
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, loc, mlir::arith::CmpIPredicate::slt,
                                       x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }
  mlir::Value min(mlir::Value x, mlir::Value y) {
    return mlir::arith::MinSIOp::create(b, loc, x, y);
  }

  /// The address `offset` elements of `type` after `base`.
  mlir::Value address(mlir::Value base, mlir::Value offset, mlir::Type type) {
    return mlir::LLVM::GEPOp::create(
        b, loc, base.getType(), type, base,
        llvm::ArrayRef<mlir::LLVM::GEPArg>{offset});
  }
  mlir::Value load(mlir::VectorType type, mlir::Value pointer) {
    return mlir::LLVM::LoadOp::create(b, loc, type, pointer, /*alignment=*/4);
  }
  void store(mlir::Value value, mlir::Value pointer, unsigned alignment) {
    mlir::LLVM::StoreOp::create(b, loc, value, pointer, alignment);
  }

  /// Fetches row `row` of source `source` to `to`.
  void fetch(mlir::Value function, mlir::Value context, mlir::Value source,
             mlir::Value row, mlir::Value to) {
    mlir::Type pointer = to.getType(), i64 = b.getI64Type();
    auto type = mlir::LLVM::LLVMFunctionType::get(
        mlir::LLVM::LLVMVoidType::get(b.getContext()),
        {pointer, i64, i64, pointer});
    mlir::LLVM::CallOp::create(
        b, loc, type, mlir::ValueRange{function, context, source, row, to});
  }

  /// `for (i = low; i < high; i += step) body(i)`, in i64.
  void loop(mlir::Value low, mlir::Value high, int64_t step,
            llvm::function_ref<void(mlir::Value)> body) {
    mlir::OpBuilder::InsertionGuard guard(b);
    auto loop = mlir::scf::ForOp::create(b, loc, low, high, i64(step));
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }
};

/// Which row of which source row `n` of the result is.
struct RowMap {
  int64_t interleave;
  llvm::SmallVector<int64_t> rows; ///< of each source

  int64_t total() const {
    return std::accumulate(rows.begin(), rows.end(), int64_t(0));
  }

  /// (source, row) of result row `n`.
  std::pair<mlir::Value, mlir::Value> map(Emitter &e, mlir::Value n) const {
    int64_t count = rows.size();
    if (interleave) {
      mlir::Value source = e.mod(e.div(n, interleave), count);
      mlir::Value row = e.add(e.mul(e.div(n, interleave * count), interleave),
                              e.mod(n, interleave));
      return {source, row};
    }
    mlir::Value source = e.i64(0), row = n;
    int64_t first = 0;
    for (int64_t i = 1; i < count; ++i) {
      first += rows[i - 1];
      mlir::Value before = e.less(n, e.i64(first));
      source = e.select(before, source, e.i64(i));
      row = e.select(before, row, e.sub(n, first));
    }
    return {source, row};
  }
};

/// Converts f32 numbers to the element type's bits, `offset` added first. The
/// rounding is to nearest even; a NaN stays one. Of integers the numbers are
/// whole.
class Converter {
public:
  Converter(Emitter &e, mlir::Type element, double offset)
      : e(e), element(element), offset(offset) {}

  mlir::IntegerType storage() {
    return mlir::IntegerType::get(element.getContext(),
                                  element.getIntOrFloatBitWidth());
  }

  /// vector<n x f32> to vector<n x iW>.
  mlir::Value convert(mlir::Value x) {
    mlir::OpBuilder &b = e.b;
    auto type = llvm::cast<mlir::VectorType>(x.getType());
    if (offset != 0) {
      auto value = b.getF32FloatAttr(static_cast<float>(offset));
      mlir::Value splat = mlir::arith::ConstantOp::create(
          b, e.loc, mlir::DenseElementsAttr::get(type, value));
      x = mlir::arith::AddFOp::create(b, e.loc, x, splat);
    }
    auto bits = type.clone(storage());
    if (element.isInteger())
      return mlir::arith::FPToSIOp::create(b, e.loc, bits, x);
    if (element.isBF16())
      return roundToBF16(x);
    if (!element.isF32())
      x = mlir::arith::TruncFOp::create(b, e.loc, type.clone(element), x);
    return mlir::arith::BitcastOp::create(b, e.loc, bits, x);
  }

private:
  /// In integers, since what `arith.truncf` becomes differs by CPU: with bf16
  /// instructions it flushes subnormal numbers.
  mlir::Value roundToBF16(mlir::Value x) {
    mlir::OpBuilder &b = e.b;
    mlir::Location loc = e.loc;
    auto wide = llvm::cast<mlir::VectorType>(x.getType()).clone(b.getI32Type());
    mlir::Value bits = mlir::arith::BitcastOp::create(b, loc, wide, x);
    mlir::Value high =
        mlir::arith::ShRUIOp::create(b, loc, bits, e.splat(16, wide));
    mlir::Value odd =
        mlir::arith::AndIOp::create(b, loc, high, e.splat(1, wide));
    mlir::Value carry = e.add(odd, e.splat(0x7fff, wide));
    mlir::Value rounded = mlir::arith::ShRUIOp::create(
        b, loc, e.add(bits, carry), e.splat(16, wide));
    mlir::Value quiet =
        mlir::arith::OrIOp::create(b, loc, high, e.splat(0x40, wide));
    mlir::Value isNaN = mlir::arith::CmpFOp::create(
        b, loc, mlir::arith::CmpFPredicate::UNO, x, x);
    mlir::Value result = e.select(isNaN, quiet, rounded);
    return mlir::arith::TruncIOp::create(b, loc, wide.clone(storage()), result);
  }

  Emitter &e;
  mlir::Type element;
  double offset;
};

/// Emits the body of the pack function of a matrix of a block format, whose
/// rows are fetched taken apart (`tile::BlocksAttr::recordOffsets`).
void packBlocks(Emitter &e, WeightType type, const RowMap &map,
                mlir::ValueRange arguments);

} // namespace mica

#endif // PASSES_GROUP_PACKEMITTER_H
