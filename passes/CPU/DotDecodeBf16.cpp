//===- DotDecodeBf16.cpp - Weights of a block format, made bf16 -----------===//
//
// A group's scale belongs to 32 columns of k, or 16: in integers, the sums of a
// tile would have to leave it that often, for two multiply-adds of a vector
// each, and take twice to three times as long as the tile's product. So `open`
// decodes one part of k of a few panels into the first cache, rounded to bf16,
// and all row tiles pass over that: what it costs is shared by the rows. The
// products are those of tiles or, without such, of vectors of pairs.
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include "passes/CPU/BlockDot.h"
#include "passes/CPU/Tiles.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Rows of a register tile of vectors, of two panels.
constexpr int64_t kVectorRows = 12;
constexpr int64_t kLanes = 16, kLine = 64;

class DotDecodeBf16 : public OpeningDot {
public:
  DotDecodeBf16(TargetAttr target, int64_t fewest)
      : target(target), instructions(makeInstructions(target)), fewest(fewest),
        hasTiles(target.getTiles() != nullptr) {}

  int64_t fewestRows() const override { return fewest; }
  int64_t mostRows() const override {
    return hasTiles ? 2 * Tiles::depth : kVectorRows;
  }
  /// Four registers of tiles hold sums.
  int64_t panelsOf(tile::ScheduleAttr schedule) const override {
    int64_t most = schedule.getRows().front() > Tiles::depth ? 2 : 4;
    return std::min(schedule.getPanels().front(), most);
  }
  void prepare(Emitter &e, int64_t) const override {
    if (hasTiles)
      prepareTiles(e, Tiles::depth);
  }
  void open(Emitter &e, const DotTile &t) override;
  void multiply(Emitter &e, const DotTile &t) const override;
  void finish(Emitter &e) const override {
    if (hasTiles)
      Tiles(e).release();
  }

private:
  void openStep(Emitter &e, const BlockStep &s, int64_t panel, Index pair);
  void multiplyVectors(Emitter &e, DotTile opened, Index pairs) const;
  void prefetchNext(Emitter &e, const DotTile &t) const;

  const TargetAttr target;
  const std::unique_ptr<Instructions> instructions;
  const int64_t fewest;
  const bool hasTiles;
  Value weights; // of what is open: bf16 [panels, pairs of k, 16 rows * 2]
};

} // namespace

void DotDecodeBf16::open(Emitter &e, const DotTile &t) {
  weights = e.scratch({t.panels, t.depth * t.group / 2, 2 * kLanes},
                      e.b.getBF16Type());
  for (int64_t panel = 0; panel < t.panels; ++panel)
    forSteps(e, t, [&](Index block, Index first, int64_t count) {
      BlockStep step(*instructions, e, t, kLanes, block, first, count);
      Index pair = ((block - t.from) * t.group + first) / 2;
      openStep(e, step, panel, pair);
    });
}

/// Writes the step's elements of one panel from `pair` on.
void DotDecodeBf16::openStep(Emitter &e, const BlockStep &s, int64_t panel,
                             Index pair) {
  s.forGroups(0, s.count, [&](int64_t first, int64_t last) {
    DecodedGroup group(s, panel, first);
    for (int64_t at = first; at < last; at += 4) {
      std::array<Value, 4> w = group.at(at);
      for (int64_t i = 0; i < 4; i += 2)
        e.store(instructions->pairsOfBf16(e, w[i], w[i + 1]), weights,
                {e.index(panel), pair + (at + i) / 2, e.index(0)});
    }
  });
}

void DotDecodeBf16::multiply(Emitter &e, const DotTile &t) const {
  DotTile opened = t;
  opened.weights = weights;
  opened.p = e.index(0);
  Index first = t.from * t.group;
  bool isBytes = t.inputGroups != nullptr;
  opened.inputAt = isBytes ? first * 2 : t.elementOf(first);
  Index pairs = (min(t.to * t.group, e.index(t.terms)) - first) / 2;
  prefetchNext(e, t);
  if (!hasTiles)
    return multiplyVectors(e, opened, pairs);
  // The last rows of a block are no whole tile.
  bool isWhole = t.rows % Tiles::depth == 0;
  if (!isWhole)
    prepareTiles(e, t.rows);
  multiplyTiles(e, opened, e.index(0), pairs, [](Index) {});
  if (!isWhole)
    prepareTiles(e, Tiles::depth);
}

/// The pairs as a matrix of their own, with nothing to fetch ahead.
void DotDecodeBf16::multiplyVectors(Emitter &e, DotTile opened,
                                    Index pairs) const {
  tile::ScheduleAttr s = opened.schedule;
  opened.schedule = tile::ScheduleAttr::get(
      s.getContext(), s.getRows(), s.getPanels(), s.getBlock(), s.getUnit(),
      /*unroll=*/4, SmallVector<int64_t>(s.getRows().size(), 0), s.getDepth());
  opened.group = 2;
  opened.from = e.index(0);
  opened.to = pairs;
  makeDotBf16(target)->multiply(e, opened);
}

/// Of the packed weights that are opened next, the share of these rows: all of
/// them together ask for all lines.
void DotDecodeBf16::prefetchNext(Emitter &e, const DotTile &t) const {
  auto type = cast<MemRefType>(t.weights.getType());
  Value flat = e.reshape(t.weights, {type.getNumElements()});
  int64_t size = type.getDimSize(2);
  Index lines = (t.to - t.from) * (size / kLine);
  Index rate = lines * kWholeShare / t.rowsInAll;
  auto upTo = [&](Index rows) { return rows * rate / kWholeShare; };
  e.forRange(
      upTo(t.rowsBefore), upTo(t.rowsBefore + t.rows), 1, [&](Index line) {
        for (int64_t v = 0; v < t.panels; ++v)
          e.prefetch(flat, {(t.next + v * t.groups()) * size + line * kLine});
      });
}

std::unique_ptr<OpeningDot> cpu::makeDotDecodeBf16(TargetAttr target,
                                                   int64_t fewest) {
  return std::make_unique<DotDecodeBf16>(target, fewest);
}
