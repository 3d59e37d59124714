//===- Loops.cpp - Naive loops and scalar arithmetic ----------------------===//

#include "passes/Reference/Loops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mica::reference;

Value Loops::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value Loops::number(double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(real, value));
}

Value Loops::size(Value buffer, int64_t dim) {
  return memref::DimOp::create(b, loc, buffer, dim);
}

Value Loops::alloc(Type type, ArrayRef<Value> sizes) {
  auto buffer = cast<MemRefType>(type);
  SmallVector<Value> dynamic;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (buffer.isDynamicDim(dim))
      dynamic.push_back(size);
  return memref::AllocOp::create(b, loc, buffer, dynamic);
}

Value Loops::allocRows(Type type, Value like) {
  SmallVector<Value> sizes(cast<MemRefType>(type).getRank(), size(like, 0));
  return alloc(type, sizes);
}

Value Loops::load(Value buffer, ArrayRef<Value> at) {
  Value element = memref::LoadOp::create(b, loc, buffer, at);
  if (element.getType().isIndex())
    return element;
  if (isa<IntegerType>(element.getType()))
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), element);
  return element.getType() == real
             ? element
             : arith::ExtFOp::create(b, loc, real, element);
}

void Loops::store(Value number, Value buffer, ArrayRef<Value> at) {
  Type type = cast<MemRefType>(buffer.getType()).getElementType();
  if (!type.isF64() && real.isF64())
    number = arith::TruncFOp::create(b, loc, b.getF32Type(), number);
  if (!type.isF64() && !type.isF32())
    number = arith::TruncFOp::create(b, loc, type, number);
  memref::StoreOp::create(b, loc, number, buffer, at);
}

void Loops::storeIndex(Value index, Value buffer, ArrayRef<Value> at) {
  Type type = cast<MemRefType>(buffer.getType()).getElementType();
  Value integer = arith::IndexCastOp::create(b, loc, type, index);
  memref::StoreOp::create(b, loc, integer, buffer, at);
}

void Loops::forRange(Value lo, Value hi, function_ref<void(Value)> body) {
  scf::ForOp::create(b, loc, lo, hi, index(1), ValueRange(),
                     [&](OpBuilder &, Location, Value i, ValueRange) {
                       body(i);
                       scf::YieldOp::create(b, loc);
                     });
}

void Loops::forEach(ArrayRef<Value> sizes,
                    function_ref<void(ArrayRef<Value>)> body) {
  SmallVector<Value> at;
  auto nest = [&](auto &self) -> void {
    if (at.size() == sizes.size())
      return body(at);
    forRange(index(0), sizes[at.size()], [&](Value i) {
      at.push_back(i);
      self(self);
      at.pop_back();
    });
  };
  nest(nest);
}

void Loops::forElements(Value buffer,
                        function_ref<void(ArrayRef<Value>)> body) {
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < cast<MemRefType>(buffer.getType()).getRank();
       ++dim)
    sizes.push_back(size(buffer, dim));
  forEach(sizes, body);
}

Value Loops::fold(Value lo, Value hi, Value init,
                  function_ref<Value(Value, Value)> step) {
  auto loop = scf::ForOp::create(
      b, loc, lo, hi, index(1), init,
      [&](OpBuilder &, Location, Value i, ValueRange previous) {
        scf::YieldOp::create(b, loc, step(i, previous[0]));
      });
  return loop.getResult(0);
}

Value Loops::sum(Value lo, Value hi, function_ref<Value(Value)> term) {
  return fold(lo, hi, number(0),
              [&](Value i, Value sum) { return add(sum, term(i)); });
}

Value Loops::add(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::AddIOp::create(b, loc, x, y);
  return arith::AddFOp::create(b, loc, x, y);
}

Value Loops::sub(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::SubIOp::create(b, loc, x, y);
  return arith::SubFOp::create(b, loc, x, y);
}

Value Loops::mul(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::MulIOp::create(b, loc, x, y);
  return arith::MulFOp::create(b, loc, x, y);
}

Value Loops::div(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::DivUIOp::create(b, loc, x, y);
  return arith::DivFOp::create(b, loc, x, y);
}

Value Loops::rem(Value x, Value y) {
  return arith::RemUIOp::create(b, loc, x, y);
}

Value Loops::max(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::MaxSIOp::create(b, loc, x, y);
  return arith::MaximumFOp::create(b, loc, x, y);
}

Value Loops::min(Value x, Value y) {
  return arith::MinSIOp::create(b, loc, x, y);
}

Value Loops::toNumber(Value index) {
  Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, loc, real, integer);
}

Value Loops::less(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
}

Value Loops::equal(Value x, Value y) {
  if (x.getType().isIndex())
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
}

Value Loops::both(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}

Value Loops::either(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}

Value Loops::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}

void Loops::ifThen(Value condition, function_ref<void()> body) {
  scf::IfOp::create(b, loc, condition, [&](OpBuilder &, Location) {
    body();
    scf::YieldOp::create(b, loc);
  });
}

Value Loops::roundTo(Type type, Value x) {
  Value rounded = arith::TruncFOp::create(b, loc, type, x);
  return arith::ExtFOp::create(b, loc, b.getF64Type(), rounded);
}

Value Loops::roundToF32(Value x) { return roundTo(b.getF32Type(), x); }
