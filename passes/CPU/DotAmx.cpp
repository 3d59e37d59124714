//===- DotAmx.cpp - Products of bf16 tiles --------------------------------===//
//
// Eight tile registers of up to 16 rows of 64 bytes. Of the packed weights,
// 16 pairs of k of one panel are a tile as they lie in memory; of the input,
// 32 k of up to 16 rows. Registers 0 to 3 hold sums, 4 and 5 inputs, 6 and 7
// weights. Every row tile uses them, also that of one row: a row's sums are in
// the same order whoever shares the batch.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/CPU/Dot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Pairs of k in a tile.
constexpr int64_t depth = 16;

/// Emits instructions on tile registers.
class Tiles {
public:
  explicit Tiles(Emitter &e) : e(e) {}

  void configure(int64_t rows);
  void release() { call("tilerelease", {}); }
  void zero(int64_t tile) { call("tilezero", {number(tile)}); }
  /// Rows of `stride` bytes from `buffer` at `at`.
  void load(int64_t tile, Value buffer, ArrayRef<Index> at, int64_t stride) {
    call("tileloadd64", {number(tile), address(buffer, at), i64(stride)});
  }
  void store(int64_t tile, Value buffer, ArrayRef<Index> at, int64_t stride) {
    call("tilestored64", {number(tile), address(buffer, at), i64(stride)});
  }
  void dot(int64_t sum, int64_t input, int64_t weights) {
    call("tdpbf16ps", {number(sum), number(input), number(weights)});
  }

private:
  void call(StringRef name, ValueRange operands) {
    LLVM::CallIntrinsicOp::create(
        e.b, e.loc, e.b.getStringAttr("llvm.x86." + name), operands);
  }
  Value number(int64_t tile) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getI8IntegerAttr(tile));
  }
  Value i64(int64_t value) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(value));
  }
  Value address(Value buffer, ArrayRef<Index> at);

  Emitter &e;
};

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

/// Sums and inputs of `rows` rows, weights of 16. The layout of the 64 bytes is
/// that of `ldtilecfg`: palette, start row, 14 of zero, 16 widths in bytes of
/// two bytes each, 16 counts of rows.
void Tiles::configure(int64_t rows) {
  SmallVector<int8_t> bytes(64, 0);
  bytes[0] = 1;
  for (int64_t tile = 0; tile < 8; ++tile) {
    bytes[16 + 2 * tile] = 64;
    bytes[48 + tile] = tile < 6 ? rows : depth;
  }
  Value config = e.scratch({64}, e.b.getI8Type());
  auto type = VectorType::get(64, e.b.getI8Type());
  Value value = arith::ConstantOp::create(
      e.b, e.loc, DenseElementsAttr::get(type, ArrayRef(bytes)));
  e.store(value, config, {e.index(0)});
  call("ldtilecfg", {address(config, {e.index(0)})});
}

struct DotAmx : Dot {
  void multiply(Emitter &e, const DotTile &t) const override {
    // 32 rows are two tiles, which share each tile of weights.
    int64_t high = t.rows > depth ? 2 : 1;
    int64_t whole = t.groups() / depth * depth;
    assert(t.rows <= 2 * depth && t.rows % high == 0 && high * t.panels <= 4 &&
           "the schedule asks for more tile registers than there are");
    Tiles tiles(e);
    tiles.configure(t.rows / high);
    for (int64_t sum = 0; sum < high * t.panels; ++sum)
      tiles.zero(sum);
    e.forRange(e.index(0), e.index(whole), depth, [&](Index k) {
      prefetchWeights(e, t, k, depth);
      step(e, tiles, t, high, k);
    });
    int64_t width = cast<MemRefType>(t.stage.getType()).getDimSize(1);
    for (int64_t h = 0; h < high; ++h)
      for (int64_t v = 0; v < t.panels; ++v)
        tiles.store(h * t.panels + v, t.stage,
                    {e.index(h * depth), t.column + v * t.panel}, width * 4);
    if (whole < t.groups())
      makeDotBf16()->addGroups(e, t, whole, t.groups());
  }

  void finish(Emitter &e) const override { Tiles(e).release(); }

private:
  static void step(Emitter &e, Tiles &tiles, const DotTile &t, int64_t high,
                   Index k) {
    int64_t stride = cast<MemRefType>(t.input.getType()).getDimSize(1) * 2;
    for (int64_t h = 0; h < high; ++h)
      tiles.load(4 + h, t.input, {t.m + h * depth, k * 2}, stride);
    for (int64_t v = 0; v < t.panels; ++v) {
      tiles.load(6 + v % 2, t.weights, {t.p + v, k, e.index(0)}, 64);
      for (int64_t h = 0; h < high; ++h)
        tiles.dot(h * t.panels + v, 4 + h, 6 + v % 2);
    }
  }
};

} // namespace

std::unique_ptr<Dot> cpu::makeDotAmx() { return std::make_unique<DotAmx>(); }
