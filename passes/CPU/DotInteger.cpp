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

/// How an instruction set multiplies unsigned with signed bytes.
class Multiplier {
public:
  explicit Multiplier(StringRef features, int64_t bits)
      : bits(bits), hasVNNI(features.contains("+avx512vnni") ||
                            (bits == 256 && features.contains("+avxvnni"))) {}

  /// An integer sum of four products a lane. Without VNNI some wait in 16 bits.
  struct Sum {
    Value wide, narrow;
    int64_t waiting = 0;
  };

  /// Adds the dwords `codes`, up to `greatest`, times `rows`.
  void add(Emitter &e, Sum &sum, Value codes, Value rows,
           int64_t greatest) const {
    Value c = e.bitcast(codes, e.b.getI8Type());
    Value a = e.bitcast(rows, e.b.getI8Type());
    if (hasVNNI) {
      sum.wide = call(e, "vpdpbusd", sum.wide.getType(), {sum.wide, c, a});
      return;
    }
    // Two products of a lane that fit 16 bits.
    constexpr int64_t most = 32767, largest = 127;
    int64_t fit = most / (2 * largest * greatest);
    if (fit == 0) {
      // The sign of a code of 8 bits moves over to the row.
      auto type = cast<VectorType>(c.getType());
      Value code = arith::XOrIOp::create(e.b, e.loc, c, e.splatOf(-128, type));
      a = signedBy(e, a, code);
      c = absolute(e, code);
      fit = 1;
    }
    Value products = call(e, "pmaddubs", halves(e, c), {c, a});
    sum.narrow = sum.narrow ? e.add(sum.narrow, products) : products;
    if (++sum.waiting >= fit)
      flush(e, sum);
  }

  Value finish(Emitter &e, Sum &sum) const {
    if (sum.narrow)
      flush(e, sum);
    return sum.wide;
  }

  /// The zero of codes as `add` takes them.
  int64_t zeroOf(int64_t zero, int64_t greatest) const {
    bool moved = !hasVNNI && greatest > 127;
    return moved ? zero - 128 : zero;
  }

private:
  void flush(Emitter &e, Sum &sum) const {
    auto type = cast<VectorType>(sum.narrow.getType());
    Value one = e.splatOf(1, type);
    Value wide =
        call(e, "pmaddwd", sum.wide.getType(), ValueRange{sum.narrow, one});
    sum.wide = e.add(sum.wide, wide);
    sum.narrow = {};
    sum.waiting = 0;
  }

  static Type halves(Emitter &e, Value bytes) {
    auto type = cast<VectorType>(bytes.getType());
    return VectorType::get(type.getDimSize(0) / 2, e.b.getI16Type());
  }

  Value absolute(Emitter &e, Value x) const {
    auto type = cast<VectorType>(x.getType());
    Value negative = e.sub(e.splatOf(0, type), x);
    Value below = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt,
                                        x, e.splatOf(0, type));
    return e.select(below, negative, x);
  }

  /// `x` with the sign of `by`, 0 where that is 0.
  Value signedBy(Emitter &e, Value x, Value by) const {
    if (bits == 256)
      return e.call("llvm.x86.avx2.psign.b", x.getType(), {x, by});
    auto type = cast<VectorType>(x.getType());
    Value below = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt,
                                        by, e.splatOf(0, type));
    return e.select(below, e.sub(e.splatOf(0, type), x), x);
  }

  Value call(Emitter &e, StringRef name, Type type, ValueRange operands) const {
    bool wide = bits == 512;
    if (name == "vpdpbusd")
      name = wide ? "llvm.x86.avx512.vpdpbusd.512"
                  : "llvm.x86.avx512.vpdpbusd.256";
    else if (name == "pmaddubs")
      name =
          wide ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw";
    else
      name = wide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd";
    return e.call(name, type, operands);
  }

  int64_t bits;
  bool hasVNNI;
};

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
  DotInteger(TargetAttr target, int64_t lanes)
      : BlockDot(lanes), multiplier(target.getFeatures(), 32 * lanes) {}

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
    int64_t rows = s.tile.rows, together = rowsTogether(s);
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
  static int64_t rowsTogether(const BlockStep &s) {
    return s.vectors() == 1 ? 2 : s.tile.rows;
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
    SmallVector<Multiplier::Sum> partial(rows.count() * wide);
    for (int64_t r = 0; r < rows.count(); ++r) {
      Value begin = e.splatBits(hasShift ? ExactShift::bits : 0, s.lanes);
      if (zero)
        begin = e.bitcast(rowBegin(e, s.tile, s.lanes, rows.begin + r,
                                   s.element(first), last - first, zero),
                          e.b.getI32Type());
      for (int64_t i = 0; i < wide; ++i)
        partial[r * wide + i].wide = begin;
    }
    for (int64_t at = first; at < last; at += 4)
      for (int64_t r = 0; r < rows.count(); ++r) {
        Value row = rowDword(e, s.tile, s.lanes, rows.begin + r, s.element(at));
        for (int64_t i = 0; i < wide; ++i)
          multiplier.add(e, partial[r * wide + i], w.codes(i, at), row,
                         s.blocks.greatestCode());
      }
    SmallVector<Value> totals;
    for (Multiplier::Sum &sum : partial) {
      Value total = multiplier.finish(e, sum);
      totals.push_back(hasShift ? e.bitcast(total, e.b.getF32Type())
                                : e.toFloat(total));
    }
    return totals;
  }

  int64_t zeroOf(const BlockStep &s) const {
    return multiplier.zeroOf(s.blocks.codeZero(), s.blocks.greatestCode());
  }

  Multiplier multiplier;
};

} // namespace

std::unique_ptr<Dot> cpu::makeDotInteger(TargetAttr target, int64_t panel) {
  return std::make_unique<DotInteger>(target, lanesOf(target, panel));
}
