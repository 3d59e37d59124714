//===- AttendAmx.cpp - Attention on tile registers ------------------------===//
//
// 16 pairs of a key panel, and 32 tokens of a value panel, are a tile as they
// lie in a page. Registers 0 to 3 hold sums, 4 queries or weights, 6 and 7 keys
// or values. A tile has 16 rows whatever the task: those beyond it compute on
// what the buffers happen to hold, and rows do not mix.
//
//===----------------------------------------------------------------------===//

#include "passes/CPU/AttendAmx.h"
#include "passes/CPU/Tiles.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Bytes from one row of a buffer to the next.
int64_t rowBytes(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.getShape().back() * type.getElementTypeBitWidth() / 8;
}

/// sums += register 4 * panels, at step `k`.
void multiply(Emitter &e, Tiles &tiles, const AmxPanels &panels, Index k) {
  for (int64_t v = 0; v < panels.count; ++v) {
    if (panels.prefetches) {
      SmallVector<Index> at = panels.at(v, k, /*ahead=*/true);
      Index step = at[4];
      for (int64_t i = 0; i < Tiles::depth; ++i) {
        at[4] = step + i;
        e.prefetch(panels.memory, at);
      }
    }
    tiles.load(6 + v % 2, panels.memory, panels.at(v, k, /*ahead=*/false), 64);
    tiles.dot(v, 4, 6 + v % 2);
  }
}

} // namespace

void cpu::scoreAmx(Emitter &e, const AttendState &state, const AmxPanels &keys,
                   Index r, Index column, int64_t steps) {
  Tiles tiles(e);
  for (int64_t v = 0; v < keys.count; ++v)
    tiles.zero(v);
  e.forRange(e.index(0), e.index(steps), Tiles::depth, [&](Index k) {
    tiles.load(4, state.query, {r, k * 2}, rowBytes(state.query));
    multiply(e, tiles, keys, k);
  });
  for (int64_t v = 0; v < keys.count; ++v)
    tiles.store(v, state.scores, {r, column + v * lanes},
                rowBytes(state.scores));
}

void cpu::outputAmx(Emitter &e, const AttendState &state,
                    const AmxPanels &values, Index r, Index column, Index first,
                    Index last) {
  Tiles tiles(e);
  auto place = [&](int64_t v) -> SmallVector<Index> {
    return {r, column + v * lanes};
  };
  for (int64_t v = 0; v < values.count; ++v)
    tiles.load(v, state.output, place(v), rowBytes(state.output));
  e.forRange(first, last, 1, [&](Index chunk) {
    tiles.load(4, state.weights, {chunk, r, e.index(0)},
               rowBytes(state.weights));
    multiply(e, tiles, values, chunk);
  });
  for (int64_t v = 0; v < values.count; ++v)
    tiles.store(v, state.output, place(v), rowBytes(state.output));
}
