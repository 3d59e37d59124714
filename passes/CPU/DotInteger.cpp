//===- DotInteger.cpp - Integer products of i8 rows -----------------------===//
//
// With codes c of a weight, less its zero z, and integers a of a row, over the
// elements that share the scales of both:
//
//   sum (c - z) a = sum c a - z sum a
//
// The last term is where an integer sum begins: rows come with their sums, or
// with that. What instructions want is c from 0 up and a signed.
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/CPU/BlockDot.h"
#include <map>

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// Columns that share the scale of a row in every format.
constexpr int64_t kRun = tile::kRun;
/// A longer row is no longer in the first cache, or about to be, when the next
/// panel begins: many times as many bytes of weights went through.
constexpr int64_t kNearTerms = 4096;

/// What a step reads of its vectors [from, to), each made when it is first
/// asked for.
class RunWeights {
public:
  RunWeights(const BlockStep &step, int64_t from, int64_t to)
      : step(step), from(from), to(to) {}

  int64_t count() const { return to - from; }
  /// As in BlockStep, of vector from + i.
  Value codes(int64_t i, int64_t at) {
    return once(Codes, i, at, [&] { return step.codes(from + i, at); });
  }
  Value scale(int64_t i, int64_t at) {
    return once(Scale, i, at, [&] { return step.scale(from + i, at); });
  }
  Value negatedMinimum(int64_t i, int64_t at) {
    return once(Minimum, i, at, [&]() -> Value {
      Emitter &e = step.e;
      return arith::NegFOp::create(e.b, e.loc, step.minimum(from + i, at));
    });
  }
  /// -M s of ExactShift.
  Value shift(int64_t i, int64_t at) {
    return once(Shift, i, at, [&] {
      Emitter &e = step.e;
      return e.mul(scale(i, at), e.splat(-ExactShift::value, step.lanes));
    });
  }

  const BlockStep &step;
  const int64_t from, to;

private:
  enum Kind { Codes, Scale, Minimum, Shift };

  Value once(Kind kind, int64_t i, int64_t at, function_ref<Value()> make) {
    Value &value = made[{kind, i, at}];
    return value ? value : value = make();
  }

  std::map<std::tuple<Kind, int64_t, int64_t>, Value> made;
};

/// The part of a step that one call adds: the vectors [from, to).
struct DotInteger : BlockDot {
  using BlockDot::BlockDot;

  void add(const BlockStep &s, MutableArrayRef<Value> sums, int64_t from,
           int64_t to) const override {
    if (s.tile.rows == 1 && s.tile.terms > kNearTerms && from == 0)
      prefetchRow(s);
    for (int64_t at = 0; at < s.count; at += kRun)
      addRun(s, sums, at, std::min(at + kRun, s.count), from, to);
  }

private:
  /// Rows [begin, end) of a tile.
  struct Rows {
    int64_t begin, end;
    int64_t count() const { return end - begin; }
  };

  /// What the one row has a little ahead.
  static void prefetchRow(const BlockStep &s) {
    constexpr int64_t ahead = 128;
    tile::GroupsAttr groups = s.tile.inputGroups;
    Index k = s.element(0);
    Index scales = k / groups.getSize() * 4 + groups.scalesAt(s.tile.terms);
    Index rowSums = k / groups.getPart() * 4 + groups.sumsAt(s.tile.terms);
    for (Index byte : {k, scales, rowSums})
      s.e.prefetch(s.tile.input, {s.tile.m, byte + ahead}, /*level=*/1);
  }

  /// Elements [at, end) of the step, which share the scale of each row.
  void addRun(const BlockStep &s, MutableArrayRef<Value> sums, int64_t at,
              int64_t end, int64_t from, int64_t to) const {
    RunWeights weights(s, from, to);
    int64_t rows = s.tile.rows, together = rowsTogether(weights);
    int64_t runs = llvm::divideCeil(s.count, kRun);
    int64_t turns = llvm::divideCeil(rows, together);
    for (int64_t r = 0; r < rows; r += together) {
      s.prefetch(from, to, at / kRun * turns + r / together, runs * turns);
      addRows(weights, sums, at, end, {r, std::min(rows, r + together)});
    }
  }

  /// How many rows share a dword of weights before the next is made. The codes
  /// of a run of one vector stay in eight registers: then two rows at a time,
  /// whose integer sums take turns.
  static int64_t rowsTogether(const RunWeights &w) {
    return w.count() == 1 ? 2 : w.step.tile.rows;
  }

  void addRows(RunWeights &w, MutableArrayRef<Value> sums, int64_t at,
               int64_t end, Rows rows) const {
    const BlockStep &s = w.step;
    Emitter &e = s.e;
    SmallVector<Value> scaled(rows.count() * w.count());
    s.forGroups(at, end, [&](int64_t first, int64_t last) {
      addGroup(w, scaled, first, last, rows);
    });
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      Value scale = rowScale(e, s.tile, s.lanes, r, s.element(at));
      for (int64_t i = 0; i < w.count(); ++i) {
        Value &sum = s.sum(sums, r, w.from + i);
        sum = e.fma(scaled[(r - rows.begin) * w.count() + i], scale, sum);
      }
    }
  }

  /// scaled += scale * (integer sum of [first, last)) - minimum * sum of rows
  void addGroup(RunWeights &w, MutableArrayRef<Value> scaled, int64_t first,
                int64_t last, Rows rows) const {
    const BlockStep &s = w.step;
    Emitter &e = s.e;
    // One row would not pay for -M s.
    bool isShifted =
        s.tile.rows > 1 && !scaled.front() && ExactShift::fits(s.blocks);
    bool hasShift = isShifted || zeroOf(s) != 0;
    SmallVector<Value> totals = integerSums(w, first, last, rows, hasShift);
    for (int64_t i = 0; i < w.count(); ++i) {
      Value scale = w.scale(i, first);
      Value shift = isShifted ? w.shift(i, first) : Value();
      for (int64_t r = 0; r < rows.count(); ++r) {
        Value &into = scaled[r * w.count() + i];
        Value total = totals[r * w.count() + i];
        if (isShifted) {
          into = e.fma(total, scale, shift);
          continue;
        }
        if (hasShift)
          total = e.sub(total, e.splat(ExactShift::value, s.lanes));
        into = into ? e.fma(total, scale, into) : e.mul(total, scale);
      }
    }
    if (!s.blocks.hasMinimum())
      return;
    SmallVector<Value> ofRows;
    for (int64_t r = rows.begin; r < rows.end; ++r)
      ofRows.push_back(
          rowSum(e, s.tile, s.lanes, r, s.element(first), last - first));
    for (int64_t i = 0; i < w.count(); ++i)
      for (int64_t r = 0; r < rows.count(); ++r) {
        Value &into = scaled[r * w.count() + i];
        into = e.fma(w.negatedMinimum(i, first), ofRows[r], into);
      }
  }

  /// The integer sums of [first, last), less the zeros, as f32: of each row, of
  /// each vector. With M of ExactShift added if `hasShift`, as zeros need.
  SmallVector<Value> integerSums(RunWeights &w, int64_t first, int64_t last,
                                 Rows rows, bool hasShift) const {
    const BlockStep &s = w.step;
    Emitter &e = s.e;
    int64_t zero = zeroOf(s), wide = w.count();
    SmallVector<Instructions::Sum> partial(rows.count() * wide);
    for (int64_t r = 0; r < rows.count(); ++r) {
      Value begin = e.splatBits(hasShift ? ExactShift::bits : 0, s.lanes);
      if (zero)
        begin = e.bitcast(rowBegin(e, s.tile, s.lanes, rows.begin + r,
                                   s.element(first), last - first, zero),
                          e.b.getI32Type());
      for (int64_t i = 0; i < wide; ++i)
        partial[r * wide + i].wide = begin;
    }
    SmallVector<Value> loaded(rows.count());
    for (int64_t at = first; at < last; at += 4)
      for (int64_t r = 0; r < rows.count(); ++r) {
        Value row = dwordOf(s, rows.begin + r, first, at, last, loaded[r]);
        for (int64_t i = 0; i < wide; ++i)
          instructions->addBytes(e, partial[r * wide + i], w.codes(i, at), row,
                                 s.blocks.greatestCode());
      }
    SmallVector<Value> totals;
    for (Instructions::Sum &sum : partial) {
      Value total = instructions->finish(e, sum);
      totals.push_back(hasShift ? e.bitcast(total, e.b.getF32Type())
                                : e.toFloat(total));
    }
    return totals;
  }

  /// The dword of row `r` at element `at` of [first, last), in every lane.
  /// Where products take a dword of a register, `loaded` holds four of them.
  Value dwordOf(const BlockStep &s, int64_t r, int64_t first, int64_t at,
                int64_t last, Value &loaded) const {
    Emitter &e = s.e;
    constexpr int64_t bytes = 16;
    int64_t begin = first + (at - first) / bytes * bytes;
    if (!instructions->takesLanes() || begin + bytes > last)
      return rowDword(e, s.tile, s.lanes, r, s.element(at));
    if (at == begin)
      loaded = e.loadBytes(bytes / 4, e.b.getI32Type(), s.tile.input,
                           {s.tile.m + r, s.element(at)});
    return e.broadcast(e.extract(loaded, (at - begin) / 4), s.lanes);
  }

  int64_t zeroOf(const BlockStep &s) const {
    return instructions->zeroOf(s.blocks.codeZero(), s.blocks.greatestCode(),
                                s.lanes);
  }
};

} // namespace

std::unique_ptr<Dot> cpu::makeDotInteger(TargetAttr target, int64_t panel) {
  return std::make_unique<DotInteger>(target, panel);
}
