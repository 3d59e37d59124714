//===- DotIntegerAmx.cpp - Integer products of tiles ----------------------===//
//
// A slot is a run of 32 of k, in one part or, where groups have 16 elements, in
// two: what shares a scale. `open` turns the weights of a panel into signed
// bytes and f32 factors once; then each 16 rows pass over them with their sums
// in vector registers. A tile sums a part in integers, goes to memory, and
// comes back as vectors that the scales are brought into. Three slots are under
// way at a time, in this order:
//
//   tiles:  sums of slot g           (tdpbssd)
//   stores: sums of slot g - 1       (tilestored)
//   f32:    scales into slot g - 2   (two multiply-adds a vector)
//
// While tiles are in use only one port multiplies vectors on the processors
// measured (Sapphire and Granite Rapids), so that multiply-adds are what is
// scarce. Hence no conversion: with M = 3 * 2^22, an integer |x| < 2^22 added
// to the bits of the f32 M is the bits of M + x, and (M + x) s - M s is x s
// rounded once where s has at most 22 significant bits. The results are bit for
// bit those of DotInteger.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/CPU/BlockDot.h"
#include "passes/CPU/Tiles.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

constexpr int64_t kHigh = 16, kLanes = 16, kTileSums = 4;
/// The loop over slots covers this many at a time, so that it knows which tile
/// registers they use; slots that are none have codes and factors of 0.
constexpr int64_t kSlots = 4;
constexpr int64_t kLine = 64;

class DotIntegerAmx : public OpeningDot {
public:
  DotIntegerAmx(TargetAttr target, tile::BlocksAttr blocks)
      : instructions(makeInstructions(target)), blocks(blocks),
        part(blocks.getGroup() % tile::kRun == 0 ? tile::kRun : 16),
        parts(tile::kRun / part), steps(kTileSums / parts),
        perPart(1 + ExactShift::fits(blocks) + blocks.hasMinimum()) {}

  int64_t fewestRows() const override { return kHigh; }
  int64_t leastRows() const override { return kHigh; }
  int64_t mostRows() const override { return kHigh; }
  int64_t panelsOf(tile::ScheduleAttr) const override { return 1; }
  void prepare(Emitter &e, int64_t) const override {
    Tiles(e).configure(kHigh, part);
  }
  void finish(Emitter &e) const override { Tiles(e).release(); }

  void open(Emitter &e, const DotTile &t) override;
  void multiply(Emitter &e, const DotTile &t) const override;

private:
  using Values = Emitter::Values;

  void openRun(Emitter &e, const DotTile &t, Index block, Index first,
               int64_t count);
  Index slotOf(const DotTile &t, Index block, Index first) const {
    return (block - t.from) * (t.group / tile::kRun) + first / tile::kRun;
  }
  /// Where factor `f` of part `p` lies in `factors`: scales, then those times
  /// -M if that is exact, then minima, negated.
  int64_t factorAt(int64_t p, int64_t f) const { return p * perPart + f; }

  void multiplySlot(Emitter &e, const DotTile &t, Index slot,
                    int64_t turn) const;
  void storeSlot(Emitter &e, int64_t turn) const;
  void addSlot(Emitter &e, const DotTile &t, Index slot, int64_t turn,
               Values &sums) const;
  Value scalePart(Emitter &e, int64_t sum, int64_t r, ArrayRef<Value> factors,
                  Value before) const;
  Index prefetchRate(Emitter &e, const DotTile &t) const;
  void prefetchNext(Emitter &e, const DotTile &t, Index slot, Index rate) const;

  const std::unique_ptr<Instructions> instructions;
  tile::BlocksAttr blocks;
  const int64_t part, parts, steps, perPart;
  // Of the weights that are open: i8 [slots, 8, 64], f32 [slots, factors, 16],
  // and where sums of tiles lie, i32 [4, 16, 16].
  Value codes, factors, tileSums;
  Index slots, last; // a multiple of kSlots; the last that is one
};

} // namespace

//===----------------------------------------------------------------------===//
// Weights, once for many rows
//===----------------------------------------------------------------------===//

void DotIntegerAmx::open(Emitter &e, const DotTile &t) {
  int64_t most = llvm::alignTo(t.depth * t.group / tile::kRun, kSlots);
  codes = e.scratch({most, tile::kRunDwords, 4 * kLanes}, e.b.getI8Type());
  factors = e.scratch({most, parts * perPart, kLanes}, e.b.getF32Type());
  tileSums = e.scratch({kTileSums, kHigh, kLanes}, e.b.getI32Type());

  forSteps(e, t, [&](Index block, Index first, int64_t count) {
    openRun(e, t, block, first, count);
  });
  Index runs = e.index(llvm::divideCeil(t.terms, tile::kRun));
  int64_t perBlock = t.group / tile::kRun;
  Index count = min(t.to * perBlock, runs) - t.from * perBlock;
  slots = ceilDiv(count, kSlots) * kSlots;
  last = count - 1;
  e.forRange(count, slots, 1, [&](Index slot) {
    for (int64_t i = 0; i < tile::kRunDwords; ++i)
      e.store(e.splatOf(0, VectorType::get(4 * kLanes, e.b.getI8Type())), codes,
              {slot, e.index(i), e.index(0)});
    for (int64_t i = 0; i < parts * perPart; ++i)
      e.store(e.splat(0.0, kLanes), factors, {slot, e.index(i), e.index(0)});
  });
}

/// One slot. Of K that ends inside it, the other codes are 0.
void DotIntegerAmx::openRun(Emitter &e, const DotTile &t, Index block,
                            Index first, int64_t count) {
  Index slot = slotOf(t, block, first);
  BlockStep s(*instructions, e, t, kLanes, block, first, count);
  auto bytes = VectorType::get(4 * kLanes, e.b.getI8Type());
  for (int64_t at = 0; at < tile::kRun; at += 4) {
    Value code = e.splatOf(0, bytes);
    if (at < count) {
      code = e.bitcast(s.codes(0, at), e.b.getI8Type());
      if (s.blocks.codeZero())
        code = e.sub(code, e.splatOf(s.blocks.codeZero(), bytes));
    }
    e.store(code, codes, {slot, e.index(at / 4), e.index(0)});
  }
  for (int64_t p = 0; p < parts; ++p) {
    bool isNone = p * part >= count;
    auto store = [&](int64_t f, Value value) {
      e.store(value, factors, {slot, e.index(factorAt(p, f)), e.index(0)});
    };
    Value scale = isNone ? e.splat(0.0, kLanes) : s.scale(0, p * part);
    store(0, scale);
    if (ExactShift::fits(blocks))
      store(1, e.mul(scale, e.splat(-ExactShift::value, kLanes)));
    if (blocks.hasMinimum()) {
      Value minimum = isNone ? scale : s.minimum(0, p * part);
      store(perPart - 1, arith::NegFOp::create(e.b, e.loc, minimum));
    }
  }
}

//===----------------------------------------------------------------------===//
// Sixteen rows
//===----------------------------------------------------------------------===//

void DotIntegerAmx::multiply(Emitter &e, const DotTile &t) const {
  Value zero = e.splat(0.0, kLanes);
  Values sums(kHigh, zero);
  for (int64_t r = 0; r < kHigh; ++r)
    sums[r] =
        e.select(t.carried,
                 e.load(e.f32x(kLanes), t.stage, {t.row + r, t.column}), zero);

  Index rate = prefetchRate(e, t);
  auto begin = [&](Index slot, int64_t turn) {
    prefetchNext(e, t, slot, rate);
    multiplySlot(e, t, slot, turn % steps);
  };
  auto end = [&](int64_t turn) { storeSlot(e, turn % steps); };
  auto add = [&](Index slot, int64_t turn, Values &sums) {
    addSlot(e, t, slot, turn % steps, sums);
  };
  // Turns are counted modulo kSlots: there are a multiple of that many.
  begin(e.index(0), 0);
  begin(e.index(1), 1);
  end(0);
  sums = e.forRange(e.index(2), slots - 2, kSlots, sums,
                    [&](Index slot, ValueRange carried) {
                      Values next(carried);
                      for (int64_t j = 0; j < kSlots; ++j) {
                        begin(slot + j, j + 2);
                        end(j + 1);
                        add(slot + j - 2, j, next);
                      }
                      return next;
                    });
  for (int64_t j = 0; j < 2; ++j) {
    begin(slots - 2 + j, j + 2);
    end(j + 1);
    add(slots - 4 + j, j, sums);
  }
  end(3);
  add(slots - 2, 2, sums);
  add(slots - 1, 3, sums);
  for (int64_t r = 0; r < kHigh; ++r)
    e.store(sums[r], t.stage, {t.row + r, t.column});
}

void DotIntegerAmx::multiplySlot(Emitter &e, const DotTile &t, Index slot,
                                 int64_t turn) const {
  Tiles tiles(e);
  int64_t stride = cast<MemRefType>(t.input.getType()).getDimSize(1);
  Index run = t.from * (t.group / tile::kRun) + min(slot, last);
  for (int64_t p = 0; p < parts; ++p) {
    int64_t sum = turn * parts + p, a = 4 + sum % 2, b = 6 + sum % 2;
    tiles.load(a, t.input, {t.m, run * tile::kRun + p * part}, stride);
    tiles.load(b, codes, {slot, e.index(p * part / 4), e.index(0)}, 64);
    tiles.zero(sum);
    tiles.dotBytes(sum, a, b);
  }
}

void DotIntegerAmx::storeSlot(Emitter &e, int64_t turn) const {
  for (int64_t sum = turn * parts; sum < (turn + 1) * parts; ++sum)
    Tiles(e).store(sum, tileSums, {e.index(sum), e.index(0), e.index(0)},
                   kLanes * 4);
}

void DotIntegerAmx::addSlot(Emitter &e, const DotTile &t, Index slot,
                            int64_t turn, Values &sums) const {
  Index element = t.from * t.group + min(slot, last) * tile::kRun;
  Values held;
  for (int64_t f = 0; f < parts * perPart; ++f)
    held.push_back(
        e.load(e.f32x(kLanes), factors, {slot, e.index(f), e.index(0)}));
  // Row by row, so that only the sums and the factors stay in registers.
  for (int64_t r = 0; r < kHigh; ++r) {
    Value scaled;
    for (int64_t p = 0; p < parts; ++p) {
      scaled = scalePart(e, turn * parts + p, r,
                         ArrayRef(held).slice(p * perPart, perPart), scaled);
      if (!blocks.hasMinimum())
        continue;
      Value sum = rowSum(e, t, kLanes, r, element + p * part, part);
      scaled = e.fma(held[(p + 1) * perPart - 1], sum, scaled);
    }
    sums[r] = e.fma(scaled, rowScale(e, t, kLanes, r, element), sums[r]);
  }
}

/// before + scale * row `r` of tile `sum`; null: nothing was before.
Value DotIntegerAmx::scalePart(Emitter &e, int64_t sum, int64_t r,
                               ArrayRef<Value> factors, Value before) const {
  Value total = e.load(VectorType::get(kLanes, e.b.getI32Type()), tileSums,
                       {e.index(sum), e.index(r), e.index(0)});
  total = e.bitcast(e.add(total, e.splatBits(ExactShift::bits, kLanes)),
                    e.b.getF32Type());
  if (!before && ExactShift::fits(blocks))
    return e.fma(total, factors[0], factors[1]);
  total = e.sub(total, e.splat(ExactShift::value, kLanes));
  return before ? e.fma(total, factors[0], before) : e.mul(total, factors[0]);
}

/// Lines of the weights that are opened next for each slot of each row, in
/// 2^-16: all of them, evenly.
Index DotIntegerAmx::prefetchRate(Emitter &e, const DotTile &t) const {
  int64_t size = cast<MemRefType>(t.weights.getType()).getDimSize(2);
  Index lines = (t.to - t.from) * (size / kLine);
  return lines * kWholeShare / (slots * t.rowsInAll);
}

void DotIntegerAmx::prefetchNext(Emitter &e, const DotTile &t, Index slot,
                                 Index rate) const {
  auto type = cast<MemRefType>(t.weights.getType());
  Value flat = e.reshape(t.weights, {type.getNumElements()});
  Index turn = slot * t.rowsInAll + t.rowsBefore;
  Index first = t.next * type.getDimSize(2);
  e.forRange(turn * rate / kWholeShare, (turn + kHigh) * rate / kWholeShare, 1,
             [&](Index line) { e.prefetch(flat, {first + line * kLine}); });
}

std::unique_ptr<OpeningDot> cpu::makeDotIntegerAmx(TargetAttr target,
                                                   tile::BlocksAttr blocks,
                                                   int64_t panel) {
  int64_t group = blocks.getGroup();
  bool hasTiles = target.getFeatures().contains("+amx-int8");
  if (!hasTiles || panel != kLanes || lanesOf(target, panel) != kLanes ||
      (group % tile::kRun != 0 && group != 16))
    return nullptr;
  return std::make_unique<DotIntegerAmx>(target, blocks);
}
