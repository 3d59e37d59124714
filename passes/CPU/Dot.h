//===- Dot.h - The main loop of one class of instructions -------*- C++ -*-===//

#ifndef PASSES_CPU_DOT_H
#define PASSES_CPU_DOT_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"
#include <memory>

namespace mica::cpu {

/// Shares of weights that row tiles prefetch together (`DotTile::next`) are
/// counted in 1 / this.
constexpr int64_t kWholeShare = 1 << 16;

/// A register tile: `rows` rows from m times `panels` panels from p.
struct DotTile {
  mlir::Value input; // [M, K]
  /// [padded N / panel, padded K / group, panel * group]; of a block format
  /// [padded N / panel, blocks of K, bytes of a block].
  mlir::Value weights;
  mlir::Value stage; // f32 [rows, columns]: where the sums go
  tile::Index m, p;
  tile::Index row, column; // of the stage
  int64_t rows, panels, panel, group;
  tile::ScheduleAttr schedule;
  tile::Index from, to; // groups of k
  int64_t depth;        // of which there are at most so many
  mlir::Value carried;  // i1: the stage holds sums to add to; null: it does not
  /// The weights that the tiles will read when all rows are through with these:
  /// groups from the first weight. Null: nobody is to prefetch them.
  tile::Index next;
  /// How many rows read the same weights before these, and how many of them all
  /// share in prefetching.
  tile::Index rowsBefore, rowsInAll;

  // Of a block format: how it computes, K, and how rows of i8 lie (null: the
  // rows are floats).
  tile::BlocksAttr blocks = {};
  int64_t terms = 0;
  tile::GroupsAttr inputGroups = {};
  /// The element of a row of `input` where k = 0 is; null: the first. Not of
  /// rows of i8, but for their floats.
  tile::Index inputAt = {};
  /// Where element `k` of a row of floats is.
  tile::Index elementOf(tile::Index k) const {
    return inputAt.value ? inputAt + k : k;
  }

  /// Groups of k.
  int64_t groups() const;
};

/// One strategy of multiplying. Each sum is over k ascending, in the same order
/// for every register tile.
class Dot {
public:
  virtual ~Dot() = default;
  /// What register tiles of `rows` rows need before the first of them.
  virtual void prepare(tile::Emitter &e, int64_t rows) const {}
  /// The least and the most rows of a register tile. Rows of a block that fill
  /// none are left to others.
  virtual int64_t leastRows() const { return 1; }
  virtual int64_t mostRows() const { return INT64_MAX; }
  /// stage[row + r, column + c] = sum over k of input[m + r, k] * w[c, k],
  /// where w[c] is row p * panel + c of the weight; over the groups [from, to)
  /// of k, added to what the stage holds if `carried`.
  virtual void multiply(tile::Emitter &e, const DotTile &tile) const = 0;
  /// What ends a task.
  virtual void finish(tile::Emitter &e) const {}
};

/// A strategy for many rows, which makes weights ready for all of them: one
/// part of k (`depth` of the schedule) of some panels at a time. `prepare`,
/// with the most rows of a register tile, comes once for all.
class OpeningDot : public Dot {
public:
  /// The fewest rows of a step for which it pays.
  virtual int64_t fewestRows() const = 0;
  /// Panels that are opened together, whatever the row tile.
  virtual int64_t panelsOf(tile::ScheduleAttr schedule) const = 0;
  /// Makes the weights of `tile`, whose rows do not matter, ready for the row
  /// tiles that follow.
  virtual void open(tile::Emitter &e, const DotTile &tile) = 0;
};

/// A strategy whose sums are vectors in registers.
class VectorDot : public Dot {
public:
  void multiply(tile::Emitter &e, const DotTile &tile) const override;
  /// Adds groups [first, last) to what the stage holds.
  void addGroups(tile::Emitter &e, const DotTile &tile, tile::Index first,
                 tile::Index last) const;

protected:
  /// Adds the products of group `k` (k * group to (k + 1) * group - 1, in this
  /// order) to each sum, a vector<panel x f32>. Element [r * panels + v] holds
  /// row m + r, panel p + v.
  virtual void step(tile::Emitter &e, const DotTile &tile, tile::Index k,
                    mlir::MutableArrayRef<mlir::Value> sums) const = 0;

private:
  using Values = tile::Emitter::Values;
  Values loop(tile::Emitter &e, const DotTile &tile, tile::Index first,
              tile::Index last, int64_t unroll, Values sums) const;
  static Values loadSums(tile::Emitter &e, const DotTile &tile);
  static void store(tile::Emitter &e, const DotTile &tile, const Values &sums);
};

/// The weights of `count` groups of the tile's panels, a distance ahead of
/// group `k` (`prefetch` of the schedule), one burst of lines.
void prefetchWeights(tile::Emitter &e, const DotTile &tile, tile::Index k,
                     int64_t count);

/// f32 multiply-add: weights and inputs of any float type, converted to f32.
std::unique_ptr<VectorDot> makeDotFma();
/// Pairs of bf16 weights and bf16 inputs, by the instruction of `target`.
std::unique_ptr<VectorDot> makeDotBf16(TargetAttr target);
/// tdpbf16ps: tiles of 16 rows by 32 bf16.
std::unique_ptr<Dot> makeDotAmx(TargetAttr target);
/// Of those, what a register tile of `rows` rows needs, and its sums over the
/// pairs [from, to) of k, `ahead` coming before each 32 of them. The input may
/// be of bytes that hold bf16.
void prepareTiles(tile::Emitter &e, int64_t rows);
void multiplyTiles(tile::Emitter &e, const DotTile &tile, tile::Index from,
                   tile::Index to, llvm::function_ref<void(tile::Index)> ahead);

} // namespace mica::cpu

#endif // PASSES_CPU_DOT_H
