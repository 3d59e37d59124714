//===- VectorDot.cpp - Register tiles of vectors --------------------------===//

#include "passes/CPU/Dot.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

int64_t DotTile::groups() const {
  return cast<MemRefType>(weights.getType()).getDimSize(1);
}

void VectorDot::multiply(Emitter &e, const DotTile &tile) const {
  Value zero = e.splat(0.0, tile.panel);
  Values sums(tile.rows * tile.panels, zero);
  if (tile.carried)
    for (auto [sum, before] : llvm::zip_equal(sums, loadSums(e, tile)))
      sum = e.select(tile.carried, before, zero);
  int64_t step = tile.schedule.getUnroll();
  Index whole = tile.from + (tile.to - tile.from) / step * step;
  sums = loop(e, tile, tile.from, whole, step, sums);
  store(e, tile, loop(e, tile, whole, tile.to, 1, sums));
}

void VectorDot::addGroups(Emitter &e, const DotTile &tile, Index first,
                          Index last) const {
  store(e, tile, loop(e, tile, first, last, 1, loadSums(e, tile)));
}

VectorDot::Values VectorDot::loadSums(Emitter &e, const DotTile &tile) {
  Values sums;
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.panels; ++v)
      sums.push_back(e.load(e.f32x(tile.panel), tile.stage,
                            {tile.row + r, tile.column + v * tile.panel}));
  return sums;
}

VectorDot::Values VectorDot::loop(Emitter &e, const DotTile &tile, Index first,
                                  Index last, int64_t unroll,
                                  Values sums) const {
  return e.forRange(first, last, unroll, sums,
                    [&](Index k, ValueRange carried) {
                      Values next(carried);
                      prefetchWeights(e, tile, k, unroll);
                      for (int64_t u = 0; u < unroll; ++u)
                        step(e, tile, k + u, next);
                      return next;
                    });
}

void VectorDot::store(Emitter &e, const DotTile &tile, const Values &sums) {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.panels; ++v)
      e.store(sums[r * tile.panels + v], tile.stage,
              {tile.row + r, tile.column + v * tile.panel});
}

/// Interleaved with the loads by hand, the burst would not stay so.
void cpu::prefetchWeights(Emitter &e, const DotTile &tile, Index k,
                          int64_t count) {
  int64_t distance = tile.schedule.prefetchOf(tile.rows);
  if (distance == 0)
    return;
  auto type = cast<MemRefType>(tile.weights.getType());
  int64_t bytes = type.getElementTypeBitWidth() / 8, line = 64 / bytes;
  int64_t size = type.getDimSize(2);
  Value flat = e.reshape(tile.weights, {type.getNumElements()});
  for (int64_t v = 0; v < tile.panels; ++v) {
    Index at = ((tile.p + v) * tile.groups() + k) * size + distance / bytes;
    for (int64_t i = 0; i < count * size; i += line)
      e.prefetch(flat, {at + i});
  }
}
