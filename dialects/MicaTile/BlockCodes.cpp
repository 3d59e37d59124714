//===- BlockCodes.cpp - Integers out of packed blocks ---------------------===//

#include "dialects/MicaTile/BlockCodes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

SmallVector<CodePlane> tile::codePlanes(int64_t bits) {
  SmallVector<CodePlane> planes;
  int64_t line = 0, above = bits;
  for (int64_t width : {1, 2, 4, 8})
    if (bits & width) {
      above -= width;
      planes.push_back({width, above, line});
      line += width;
    }
  return planes;
}

/// `bits` in every byte of a dword.
static uint32_t everyByte(uint32_t bits) { return bits * 0x01010101u; }

Value tile::codesOf(Emitter &e, int64_t bits, int64_t j,
                    function_ref<Value(int64_t)> line) {
  Value codes;
  for (const CodePlane &plane : codePlanes(bits)) {
    Value part = line(plane.line + j % plane.width);
    int64_t lanes = cast<VectorType>(part.getType()).getDimSize(0);
    int64_t down = j / plane.width * plane.width - plane.above;
    if (down > 0)
      part = e.shiftRight(part, e.splatBits(down, lanes));
    else if (down < 0)
      part = e.shiftLeft(part, e.splatBits(-down, lanes));
    uint32_t mask = ((1u << plane.width) - 1) << plane.above;
    if (plane.width < 8)
      part = e.bitAnd(part, e.splatBits(everyByte(mask), lanes));
    codes = codes ? e.bitOr(codes, part) : part;
  }
  return codes;
}

Value tile::halfBits(Emitter &e, Value words) {
  auto type = cast<VectorType>(words.getType());
  words = arith::ShRSIOp::create(e.b, e.loc, words, e.splatOf(1, type));
  return e.bitAnd(words, e.splatOf(0xbfff, type));
}

double tile::floatUnit(BlocksAttr blocks) {
  return isa<TypeAttr>(blocks.getFloats()) ? 256 : 1;
}

namespace {

/// One row of one block.
struct BlockOfRow {
  Emitter &e;
  Value weights;
  BlocksAttr blocks;
  int64_t panel;
  Index p, b, row; // panel, block, row of the panel

  /// vector<1 x element> at `byte` of the block.
  Value load(Type element, Index byte) {
    return e.loadBytes(1, element, weights, {p, b, e.index(0), byte});
  }

  /// The scale or minimum of `group`, whose first level lies at part `level` of
  /// the block.
  Value factor(int64_t level, Index group) {
    std::array<int64_t, 5> offsets = blocks.scaleOffsets(panel);
    bool isZero = level == 1 && blocks.getZeros();
    if (isZero)
      level = 0;
    int64_t width = blocks.getScale().getIntOrFloatBitWidth() / 8;
    Index first = group * blocks.getGroup() / blocks.perScale();
    Value scale =
        load(blocks.getScale(), (first * panel + row) * width + offsets[level]);
    scale = e.extend(scale, e.f32x(1));
    auto times = [&](int64_t part) {
      Value integer =
          load(e.b.getI8Type(), group * panel + row + offsets[part]);
      integer = e.resize(integer, e.b.getI32Type(), /*isSigned=*/true);
      scale = e.mul(scale, e.toFloat(integer));
    };
    if (blocks.getSuper())
      times(2 + level);
    if (isZero)
      times(3);
    return scale;
  }

  /// The four codes from element `k` of the block on: vector<4xi32>.
  Value codes(Index k) {
    Index run = k / kRun, j = k % kRun / 4;
    Index first = run * blocks.getBits() + blocks.scaleLines(panel);
    Value codes = e.splatBits(0, 1);
    auto amount = [&](Index count) { return e.broadcast(e.toI32(count), 1); };
    for (const CodePlane &plane : codePlanes(blocks.getBits())) {
      Index line = first + plane.line + j % plane.width;
      Value part = load(e.b.getI32Type(), line * (4 * panel) + row * 4);
      part = e.shiftRight(part, amount(j / plane.width * plane.width));
      part = e.bitAnd(part, e.splatBits(everyByte((1u << plane.width) - 1), 1));
      part = e.shiftLeft(part, e.splatBits(plane.above, 1));
      codes = e.bitOr(codes, part);
    }
    return e.resize(e.bitcast(codes, e.b.getI8Type()), e.b.getI32Type(),
                    /*isSigned=*/false);
  }

  /// The `count` entries of a table that `codes` number.
  Value lookUp(Value codes, int64_t count, function_ref<Value(int64_t)> entry) {
    Value result = entry(0);
    for (int64_t code = 1; code < count; ++code) {
      Value here = arith::CmpIOp::create(
          e.b, e.loc, arith::CmpIPredicate::eq, codes,
          e.splatOf(code, cast<VectorType>(codes.getType())));
      result = e.select(here, entry(code), result);
    }
    return result;
  }

  /// What `codes` stand for, less the zero: vector<4xf32>.
  Value numbers(Value codes) {
    ArrayRef<int64_t> values = blocks.getValues();
    if (!blocks.getFloats() && values.empty())
      return e.toFloat(e.sub(codes, e.splatBits(blocks.getZero(), 4)));
    if (!blocks.getFloats())
      return lookUp(codes, values.size(),
                    [&](int64_t i) { return e.splat(values[i], 4); });
    if (auto table = dyn_cast<DenseF32ArrayAttr>(blocks.getFloats()))
      return lookUp(codes, table.size(),
                    [&](int64_t i) { return e.splat(table[i], 4); });
    Value words = e.resize(codes, e.b.getI16Type(), /*isSigned=*/false);
    auto type = cast<VectorType>(words.getType());
    words = e.shiftLeft(words, e.splatOf(8, type));
    Value halves = e.bitcast(halfBits(e, words), e.b.getF16Type());
    return e.mul(e.extend(halves, e.f32x(4)), e.splat(floatUnit(blocks), 4));
  }

  Value elements(Index k) {
    Value c = numbers(codes(k));
    Index group = k / blocks.getGroup();
    auto wide = [&](Value one) { return e.broadcast(e.extract(one, 0), 4); };
    Value result = e.mul(c, wide(factor(0, group)));
    if (blocks.hasMinimum())
      result = e.sub(result, wide(factor(1, group)));
    return result;
  }
};

} // namespace

Value tile::loadElements(Emitter &e, Value weights, BlocksAttr blocks,
                         Index row, Index at, int64_t size) {
  auto type = cast<MemRefType>(weights.getType());
  int64_t panel = type.getDimSize(3) / 4, count = blocks.block(panel);
  Value flat = e.reshape(weights, {type.getDimSize(0), type.getDimSize(1), 1,
                                   type.getDimSize(2) * type.getDimSize(3)});
  SmallVector<Value> parts;
  for (int64_t i = 0; i < size; i += 4) {
    Index k = at + i;
    BlockOfRow block{e,           flat,      blocks,     panel,
                     row / panel, k / count, row % panel};
    parts.push_back(block.elements(k % count));
  }
  return e.join(parts);
}
