//===- BlockDot.h - Products with weights of a block format -----*- C++ -*-===//

#ifndef PASSES_CPU_BLOCKDOT_H
#define PASSES_CPU_BLOCKDOT_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/BlockCodes.h"
#include "passes/CPU/Dot.h"
#include "passes/CPU/Instructions.h"

namespace mica::cpu {

/// Some elements of k of a register tile, and how their weights are read. A
/// panel is `parts` vectors of `lanes` rows; `vector` counts those of all
/// panels of the tile.
class BlockStep {
public:
  BlockStep(const Instructions &instructions, tile::Emitter &e,
            const DotTile &tile, int64_t lanes, tile::Index block,
            tile::Index first, int64_t count)
      : instructions(instructions), e(e), tile(tile), blocks(tile.blocks),
        lanes(lanes), parts(tile.panel / lanes), block(block), first(first),
        count(count) {}

  const Instructions &instructions;
  tile::Emitter &e;
  const DotTile &tile;
  tile::BlocksAttr blocks;
  const int64_t lanes, parts;
  /// The block of k; the step's first element there, a multiple of 32; and how
  /// many there are, a multiple of 4.
  const tile::Index block, first;
  const int64_t count;

  int64_t vectors() const { return tile.panels * parts; }
  /// body(first, last) for the elements of each group in [begin, end).
  void forGroups(int64_t begin, int64_t end,
                 llvm::function_ref<void(int64_t, int64_t)> body) const;
  /// The sum of row `r` of the tile.
  mlir::Value &sum(mlir::MutableArrayRef<mlir::Value> sums, int64_t r,
                   int64_t vector) const {
    return sums[r * vectors() + vector];
  }
  /// Element `at` of the step in the row: k.
  tile::Index element(int64_t at) const {
    return block * tile.group + first + at;
  }
  /// Codes `at` to `at` + 3 as the bytes of i32 lanes, from 0 up: what they
  /// stand for is that less the format's `codeZero()`.
  mlir::Value codes(int64_t vector, int64_t at) const;
  /// Code `byte` of such four, vector<lanes x i32>.
  mlir::Value code(mlir::Value codes, int64_t byte) const;
  /// What the four codes from `at` on are in a format with `floats`, over
  /// `floatUnit()`: vector<lanes x f32>.
  std::array<mlir::Value, 4> floats(int64_t vector, int64_t at) const;
  /// What a code of element `at` is multiplied with, and what is subtracted
  /// then, vector<lanes x f32>.
  mlir::Value scale(int64_t vector, int64_t at) const {
    return factor(vector, at, 0);
  }
  mlir::Value minimum(int64_t vector, int64_t at) const {
    return factor(vector, at, 1);
  }

  /// Of the vectors [from, to), the step's share of the lines that come a
  /// distance ahead (`prefetch` of the schedule): those of turn `turn` of
  /// `turns`. A burst of all of them waits for itself.
  void prefetch(int64_t from, int64_t to, int64_t turn, int64_t turns) const;

private:
  /// `count` elements of `element` for the rows of `vector`, of which the one
  /// of the panel's first row stands at `byte` of the block.
  mlir::Value load(mlir::Type element, int64_t vector, tile::Index byte) const;
  mlir::Value factor(int64_t vector, int64_t at, int64_t level) const;
};

/// How the product of an integer |x| < 2^22 and a scale s is had without
/// conversion. With M = 3 * 2^22, x added to the bits of the f32 M is the bits
/// of M + x, and (M + x) s - M s, by one multiply-add, is x s rounded once
/// where M s is exact: where s has at most 22 significant bits.
struct ExactShift {
  static constexpr double value = tile::GroupsAttr::shift;
  static constexpr uint32_t bits = tile::GroupsAttr::shiftBits;
  /// An f16 or bf16 scale times an integer of 8 bits has at most 19.
  static bool fits(tile::BlocksAttr blocks) {
    return !blocks.getScale().isF32();
  }
};

/// A strategy for weights of a block format: every sum is over steps of k,
/// ascending, in vectors that stay in registers.
class BlockDot : public Dot {
public:
  BlockDot(TargetAttr target, int64_t panel);

  void multiply(tile::Emitter &e, const DotTile &tile) const override;
  /// Half the registers of a target hold sums of vectors, some of them twice.
  int64_t mostRows() const override { return lanes > 4 ? 16 : 4; }

protected:
  /// Adds the products of the step's elements to the sums of the vectors
  /// [from, to).
  virtual void add(const BlockStep &step,
                   mlir::MutableArrayRef<mlir::Value> sums, int64_t from,
                   int64_t to) const = 0;

  const int64_t lanes; // rows of a vector
  const std::unique_ptr<Instructions> instructions;

private:
  tile::Emitter::Values addBlock(tile::Emitter &e, const DotTile &tile,
                                 tile::Index block, int64_t count,
                                 tile::Emitter::Values sums) const;
};

/// Rows of a panel that a vector of the target takes: all or a part of them.
int64_t lanesOf(TargetAttr target, int64_t panel);

/// The dword of row `r` of the tile, of i8, at `byte`, in every lane.
mlir::Value rowDword(tile::Emitter &e, const DotTile &tile, int64_t lanes,
                     int64_t r, tile::Index byte);
/// The scale of row `r`, of i8, at `element`, vector<lanes x f32>.
mlir::Value rowScale(tile::Emitter &e, const DotTile &tile, int64_t lanes,
                     int64_t r, tile::Index element);

/// The sum of row `r`, of i8, over `count` elements from `element` on, which
/// are whole parts of its groups; vector<lanes x f32>.
mlir::Value rowSum(tile::Emitter &e, const DotTile &tile, int64_t lanes,
                   int64_t r, tile::Index element, int64_t count);
/// M of ExactShift less `zero` times that sum.
mlir::Value rowBegin(tile::Emitter &e, const DotTile &tile, int64_t lanes,
                     int64_t r, tile::Index element, int64_t count,
                     int64_t zero);

/// `body(block, first, count)` for every step of the tile's blocks.
void forSteps(tile::Emitter &e, const DotTile &tile,
              llvm::function_ref<void(tile::Index, tile::Index, int64_t)> body);

/// Integer products of i8 rows, with the instructions that `target` has.
std::unique_ptr<Dot> makeDotInteger(TargetAttr target, int64_t panel);
/// Weights as f32 in registers, multiply-add with rows of any float type.
std::unique_ptr<Dot> makeDotDecode(TargetAttr target, int64_t panel);
/// The same with tiles of 16 rows by 16 rows of `blocks`; null: not with this
/// target or this format.
std::unique_ptr<OpeningDot>
makeDotIntegerAmx(TargetAttr target, tile::BlocksAttr blocks, int64_t panel);
/// For steps of `fewest` rows and more, which are bf16 then (the values of
/// `#tile.groups`): weights rounded to that, products of tiles or of vectors.
std::unique_ptr<OpeningDot> makeDotDecodeBf16(TargetAttr target,
                                              int64_t fewest);

/// Elements `at` to `at` + 3 of the step, of one vector of rows, as f32: for
/// each c * scale - (zero * scale + minimum), the last rounded once, `scale`
/// and `offset` being of their group; c * scale with `floats`.
class DecodedGroup {
public:
  DecodedGroup(const BlockStep &step, int64_t vector, int64_t at);
  std::array<mlir::Value, 4> at(int64_t at) const;

private:
  const BlockStep &step;
  const int64_t vector;
  mlir::Value scale, offset; // what is subtracted, negated; or null
};

} // namespace mica::cpu

#endif // PASSES_CPU_BLOCKDOT_H
