//===- Tiles.cpp - Instructions on tile registers -------------------------===//

#include "passes/CPU/Tiles.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

void Tiles::call(StringRef name, ValueRange operands) {
  LLVM::CallIntrinsicOp::create(
      e.b, e.loc, e.b.getStringAttr("llvm.x86." + name), operands);
}

Value Tiles::number(int64_t tile) {
  return arith::ConstantOp::create(e.b, e.loc, e.b.getI8IntegerAttr(tile));
}

Value Tiles::i64(int64_t value) {
  return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(value));
}

/// The byte address of an element, as a pointer.
Value Tiles::address(Value buffer, ArrayRef<Index> at) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)type.getStridesAndOffset(strides, offset);
  Index sum = e.index(offset);
  for (auto [index, stride] : llvm::zip_equal(at, strides))
    sum = sum + index * stride;
  Value base =
      memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, buffer);
  Index byte = e.index(base) + sum * (type.getElementTypeBitWidth() / 8);
  Value integer =
      arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), byte.value);
  return LLVM::IntToPtrOp::create(
      e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext()), integer);
}

/// The layout of the 64 bytes is that of `ldtilecfg`: palette, start row, 14 of
/// zero, 16 widths in bytes of two bytes each, 16 counts of rows.
void Tiles::configure(int64_t rows, int64_t inputBytes) {
  SmallVector<int8_t> bytes(64, 0);
  bytes[0] = 1;
  for (int64_t tile = 0; tile < 8; ++tile) {
    bool isInput = tile == 4 || tile == 5;
    bytes[16 + 2 * tile] = isInput ? inputBytes : 64;
    bytes[48 + tile] = tile < 6 ? rows : inputBytes / 4;
  }
  Value config = e.scratch({64}, e.b.getI8Type());
  auto type = VectorType::get(64, e.b.getI8Type());
  Value value = arith::ConstantOp::create(
      e.b, e.loc, DenseElementsAttr::get(type, ArrayRef(bytes)));
  e.store(value, config, {e.index(0)});
  call("ldtilecfg", {address(config, {e.index(0)})});
}
