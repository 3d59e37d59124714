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
