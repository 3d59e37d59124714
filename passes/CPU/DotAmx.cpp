//===- DotAmx.cpp - Products of bf16 tiles --------------------------------===//
//
// Eight tile registers of up to 16 rows of 64 bytes. Of the packed weights,
// 16 pairs of k of one panel are a tile as they lie in memory; of the input,
// 32 k of up to 16 rows. Registers 0 to 3 hold sums, 4 and 5 inputs, 6 and 7
// weights. Every row tile uses them, also that of one row: a row's sums are in
// the same order whoever shares the batch.
//
//===----------------------------------------------------------------------===//

#include "passes/CPU/Dot.h"
#include "passes/CPU/Tiles.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

constexpr int64_t depth = Tiles::depth;

/// 32 rows are two tiles, which share each tile of weights.
int64_t tilesHigh(int64_t rows) { return rows > depth ? 2 : 1; }

/// Rows of one of them.
int64_t rowsOfTile(const DotTile &t) { return t.rows / tilesHigh(t.rows); }

/// body(register, place in the stage, bytes of a row there)
void forSums(const DotTile &t,
             llvm::function_ref<void(int64_t, ArrayRef<Index>, int64_t)> body) {
  int64_t width = cast<MemRefType>(t.stage.getType()).getDimSize(1);
  for (int64_t h = 0; h < tilesHigh(t.rows); ++h)
    for (int64_t v = 0; v < t.panels; ++v)
      body(h * t.panels + v,
           {t.row + h * rowsOfTile(t), t.column + v * t.panel}, width * 4);
}

void beginSums(Emitter &e, const DotTile &t) {
  Tiles tiles(e);
  auto zero = [&] {
    for (int64_t sum = 0; sum < tilesHigh(t.rows) * t.panels; ++sum)
      tiles.zero(sum);
  };
  auto load = [&] {
    forSums(t, [&](int64_t sum, ArrayRef<Index> at, int64_t stride) {
      tiles.load(sum, t.stage, at, stride);
    });
  };
  if (!t.carried)
    return zero();
  e.ifThenElse(t.carried, load, zero);
}

/// Adds the products of 16 pairs, from pair `k` on.
void step(Emitter &e, const DotTile &t, Index k) {
  Tiles tiles(e);
  int64_t high = tilesHigh(t.rows);
  auto input = cast<MemRefType>(t.input.getType());
  int64_t bytes = input.getElementTypeBitWidth() / 8;
  int64_t stride = input.getDimSize(1) * bytes;
  Index column = t.elementOf(k * (4 / bytes));
  for (int64_t h = 0; h < high; ++h)
    tiles.loadOnce(4 + h, t.input, {t.m + h * rowsOfTile(t), column}, stride);
  for (int64_t v = 0; v < t.panels; ++v) {
    tiles.load(6 + v % 2, t.weights, {t.p + v, k, e.index(0)}, 64);
    for (int64_t h = 0; h < high; ++h)
      tiles.dot(h * t.panels + v, 4 + h, 6 + v % 2);
  }
}

/// Asks for some of the sums that the next row tile adds to, of those that wait
/// in the second cache: all steps together for all.
void prefetchSums(Emitter &e, const DotTile &t, Index step) {
  int64_t steps = std::max<int64_t>(t.depth * t.group / (2 * depth), 1);
  int64_t rows = llvm::divideCeil(t.rows, steps);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < t.panels; ++v)
      e.prefetch(t.stage,
                 {t.row + t.rows + step * rows + r, t.column + v * t.panel},
                 /*level=*/1);
}

struct DotAmx : Dot {
  explicit DotAmx(TargetAttr target) : target(target) {}

  void prepare(Emitter &e, int64_t rows) const override {
    prepareTiles(e, rows);
  }

  void multiply(Emitter &e, const DotTile &t) const override {
    int64_t whole = t.groups() / depth * depth;
    multiplyTiles(e, t, t.from, min(t.to, e.index(whole)), [&](Index k) {
      prefetchWeights(e, t, k, depth);
      if (t.next.value)
        prefetchNext(e, t, k);
    });
    if (whole < t.groups())
      makeDotBf16(target)->addGroups(e, t, max(t.from, e.index(whole)), t.to);
  }

  void finish(Emitter &e) const override { Tiles(e).release(); }

private:
  /// Each row tile of a block asks for its share of the next weights, whole
  /// lines one behind the other, so that the processor's prefetcher joins in.
  static void prefetchNext(Emitter &e, const DotTile &t, Index k) {
    auto type = cast<MemRefType>(t.weights.getType());
    Value flat = e.reshape(t.weights, {type.getNumElements()});
    int64_t size = type.getDimSize(2), line = 64 / sizeof(uint16_t);
    int64_t shares = t.schedule.getBlock() / t.schedule.getRows().front();
    int64_t part = llvm::divideCeil(depth * size, shares * line) * line;
    Index steps = ceilDiv(t.to - t.from, depth);
    Index turn = t.rowsBefore / t.rows;
    Index at = t.next * size + (turn * steps + (k - t.from) / depth) * part;
    for (int64_t v = 0; v < t.panels; ++v)
      for (int64_t offset = 0; offset < part; offset += line)
        e.prefetch(flat, {at + (v * t.groups() * size + offset)});
  }

  const TargetAttr target;
};

} // namespace

void cpu::prepareTiles(Emitter &e, int64_t rows) {
  Tiles(e).configure(rows / tilesHigh(rows));
}

void cpu::multiplyTiles(Emitter &e, const DotTile &t, Index from, Index to,
                        llvm::function_ref<void(Index)> ahead) {
  assert(t.rows <= 2 * depth && t.rows % tilesHigh(t.rows) == 0 &&
         tilesHigh(t.rows) * t.panels <= 4 &&
         "the schedule asks for more tile registers than there are");
  beginSums(e, t);
  e.forRange(from, to, depth, [&](Index k) {
    ahead(k);
    if (t.carried)
      prefetchSums(e, t, (k - from) / depth);
    step(e, t, k);
  });
  forSums(t, [&](int64_t sum, ArrayRef<Index> at, int64_t stride) {
    Tiles(e).store(sum, t.stage, at, stride);
  });
}

std::unique_ptr<Dot> cpu::makeDotAmx(TargetAttr target) {
  return std::make_unique<DotAmx>(target);
}
