//===- PackBlocks.cpp - Pack functions of block formats -------------------===//
//
// Each row of a panel is fetched taken apart: codes, scales, minima and their
// factors. Then, block by block, the scales of all rows are brought together,
// and the codes of each row are put into the lines of their runs.
//
//===----------------------------------------------------------------------===//

#include "dialects/MicaTile/BlockCodes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Group/PackEmitter.h"

using namespace mlir;
using namespace mica;

namespace {

class BlockPacker {
public:
  BlockPacker(mica::Emitter &e, WeightType type, const RowMap &map,
              ValueRange arguments)
      : e(e), map(map), blocks(type.getFormat().getBlocks()),
        layout(type.getLayout()), rows(type.rows()), columns(type.columns()),
        panel(layout.getPanel()), block(layout.getAlign()),
        padded(layout.paddedColumns(columns)),
        record(blocks.recordOffsets(padded)),
        blockBytes(blocks.lines(panel) * 4 * panel), arguments(arguments) {}

  void emit() {
    e.loop(e.i64(0), arguments[5], 1, [&](Value index) {
      fetchPanel(index);
      Value out = e.address(arguments[3],
                            e.mul(index, padded / block * blockBytes), byte());
      e.loop(e.i64(0), e.i64(padded / block), 1, [&](Value b) {
        Value to = e.address(out, e.mul(b, blockBytes), byte());
        e.loop(e.i64(0), e.i64(panel), 1, [&](Value r) {
          emitScales(b, r, to);
          emitCodes(b, r, to);
        });
        fill(to, blocks.scaleOffsets(panel)[4],
             blocks.scaleLines(panel) * 4 * panel);
      });
    });
  }

private:
  Type byte() { return e.b.getI8Type(); }
  Value part(Value row, int64_t which) {
    return e.address(arguments[2], e.add(e.mul(row, record[5]), record[which]),
                     byte());
  }

  /// Zeros the bytes [from, to) after `base`.
  void fill(Value base, int64_t from, int64_t to) {
    auto type = VectorType::get(1, byte());
    e.loop(e.i64(from), e.i64(to), 1, [&](Value at) {
      e.store(e.splat(0, type), e.address(base, at, byte()), 1);
    });
  }

  /// The rows of panel `index` of this call; those that do not exist, and
  /// columns behind the last, are zero.
  void fetchPanel(Value index) {
    Value physical = e.mul(e.add(arguments[4], index), panel);
    Value within = e.mod(physical, layout.paddedGranule());
    Value granule = e.div(physical, layout.paddedGranule());
    Value logical = e.add(e.mul(granule, layout.getGranule()), within);
    auto minus = [&](int64_t x, Value y) {
      return arith::SubIOp::create(e.b, e.loc, e.i64(x), y);
    };
    Value left =
        e.min(minus(layout.getGranule(), within), minus(rows, logical));
    Value valid = e.min(left, e.i64(panel));
    e.loop(e.i64(0), e.i64(panel), 1, [&](Value r) {
      if (padded > columns)
        fill(part(r, 0), 0, record[5]);
      auto exists = scf::IfOp::create(e.b, e.loc, e.less(r, valid), true);
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPointToStart(exists.thenBlock());
      auto [source, row] = map.map(e, e.add(logical, r));
      e.fetch(arguments[0], arguments[1], source, row, part(r, 0));
      e.b.setInsertionPointToStart(exists.elseBlock());
      fill(part(r, 0), 0, record[5]);
    });
  }

  /// The scales of row `r` in block `b`: floats, then factors.
  void emitScales(Value b, Value r, Value to) {
    std::array<int64_t, 5> offsets = blocks.scaleOffsets(panel);
    auto scale = cast<FloatType>(blocks.getScale());
    int64_t scales = block / blocks.perScale(), width = scale.getWidth() / 8;
    mica::Converter converter(e, scale, 0);
    auto f32 = VectorType::get(1, e.b.getF32Type());
    for (int64_t level = 0; level < (blocks.getMin() ? 2 : 1); ++level)
      for (int64_t i = 0; i < scales; ++i) {
        Value at = e.add(e.mul(b, scales), i);
        Value x = e.load(
            f32, e.address(part(r, 1 + level), at, f32.getElementType()));
        Value place =
            e.add(e.mul(r, width), offsets[level] + i * panel * width);
        e.store(converter.convert(x), e.address(to, place, byte()), width);
      }
    if (!blocks.getSuper() && !blocks.getZeros())
      return;
    int64_t factors = block / blocks.getGroup();
    auto one = VectorType::get(1, byte());
    for (int64_t level = blocks.getSuper() ? 0 : 1;
         level < (blocks.hasMinimum() ? 2 : 1); ++level)
      for (int64_t i = 0; i < factors; ++i) {
        Value at = e.add(e.mul(b, factors), i);
        Value x = LLVM::LoadOp::create(
            e.b, e.loc, one, e.address(part(r, 3 + level), at, byte()), 1);
        Value place = e.add(r, offsets[2 + level] + i * panel);
        e.store(x, e.address(to, place, byte()), 1);
      }
  }

  /// The codes of row `r` in block `b`, run by run: of every run 8 dwords, from
  /// which each line takes some bits of some.
  void emitCodes(Value b, Value r, Value to) {
    int64_t bits = blocks.getBits(), line = 4 * panel;
    Value codes = e.address(part(r, 0), e.mul(b, block), byte());
    Value lines = e.address(
        to, e.add(e.mul(r, 4), blocks.scaleLines(panel) * line), byte());
    e.loop(e.i64(0), e.i64(block / tile::kRun), 1, [&](Value run) {
      Value from = e.address(codes, e.mul(run, tile::kRun), byte());
      Value place = e.address(lines, e.mul(run, bits * line), byte());
      for (const tile::CodePlane &plane : tile::codePlanes(bits))
        emitPlane(plane, from, place);
    });
  }

  void emitPlane(const tile::CodePlane &plane, Value from, Value place) {
    auto type = VectorType::get(plane.width, e.b.getI32Type());
    uint32_t mask = ((1u << plane.width) - 1) * 0x01010101u;
    Value sum;
    for (int64_t slot = 0; slot < 8 / plane.width; ++slot) {
      Value x = e.load(
          type, e.address(from, e.i64(slot * plane.width), e.b.getI32Type()));
      x = arith::ShRUIOp::create(e.b, e.loc, x, e.splat(plane.above, type));
      x = arith::AndIOp::create(e.b, e.loc, x, e.splat(int32_t(mask), type));
      x = arith::ShLIOp::create(e.b, e.loc, x,
                                e.splat(slot * plane.width, type));
      sum = sum ? arith::OrIOp::create(e.b, e.loc, sum, x).getResult() : x;
    }
    for (int64_t i = 0; i < plane.width; ++i) {
      Value dword = vector::ExtractOp::create(e.b, e.loc, sum, i);
      Value at = e.i64((plane.line + i) * 4 * panel);
      e.store(dword, e.address(place, at, byte()), 4);
    }
  }

  mica::Emitter &e;
  const RowMap &map;
  tile::BlocksAttr blocks;
  LayoutAttr layout;
  int64_t rows, columns, panel, block, padded;
  std::array<int64_t, 6> record;
  int64_t blockBytes;
  ValueRange arguments; // fetch, context, scratch, out, first, count
};

} // namespace

void mica::packBlocks(Emitter &e, WeightType type, const RowMap &map,
                      ValueRange arguments) {
  BlockPacker(e, type, map, arguments).emit();
}
