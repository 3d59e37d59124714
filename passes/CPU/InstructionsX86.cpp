//===- InstructionsX86.cpp - AVX2 and AVX-512 -----------------------------===//
//
// Vectors of 256 or of 512 bits, as the operands have.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/CPU/Instructions.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;

namespace {

/// Whether `value` is a vector of 512 bits.
bool isWide(Value value) {
  auto type = cast<VectorType>(value.getType());
  return type.getNumElements() * type.getElementTypeBitWidth() == 512;
}

struct X86 : Instructions {
  explicit X86(StringRef features)
      : hasAVXVNNI(features.contains("+avxvnni")),
        hasAVX512VNNI(features.contains("+avx512vnni")),
        hasBf16(features.contains("+avx512bf16")) {}

  /// vpdpbusd takes unsigned codes and signed rows. Without, pmaddubs does, and
  /// adds pairs of products as 16 bits, saturated.
  void addBytes(Emitter &e, Sum &sum, Value codes, Value rows,
                int64_t greatest) const override {
    bool wide = isWide(codes);
    Value c = e.bitcast(codes, e.b.getI8Type());
    Value a = e.bitcast(rows, e.b.getI8Type());
    if (hasVNNI(wide)) {
      sum.wide = e.call(wide ? "llvm.x86.avx512.vpdpbusd.512"
                             : "llvm.x86.avx512.vpdpbusd.256",
                        sum.wide.getType(), {sum.wide, c, a});
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
    auto type = cast<VectorType>(c.getType());
    auto halves = VectorType::get(type.getDimSize(0) / 2, e.b.getI16Type());
    Value products = e.call(wide ? "llvm.x86.avx512.pmaddubs.w.512"
                                 : "llvm.x86.avx2.pmadd.ub.sw",
                            halves, {c, a});
    addNarrow(e, sum, products, fit);
  }

  int64_t zeroOf(int64_t zero, int64_t greatest, int64_t lanes) const override {
    bool moved = !hasVNNI(lanes == 16) && greatest > 127;
    return moved ? zero - 128 : zero;
  }

  Value addPairs(Emitter &e, Value sum, Value a, Value b) const override {
    bool wide = isWide(sum);
    if (hasVNNI(wide))
      return e.call(wide ? "llvm.x86.avx512.vpdpwssd.512"
                         : "llvm.x86.avx512.vpdpwssd.256",
                    sum.getType(), {sum, a, b});
    return e.add(sum, e.call(wide ? "llvm.x86.avx512.pmaddw.d.512"
                                  : "llvm.x86.avx2.pmadd.wd",
                             sum.getType(), {a, b}));
  }

  /// vdpbf16ps: two multiply-adds in turn, odd elements first, each rounded to
  /// nearest even; denormal numbers count as 0.
  Value addPairsOfBf16(Emitter &e, Value sum, Value a, Value b) const override {
    return e.call("llvm.x86.avx512bf16.dpbf16ps.512", sum.getType(),
                  {sum, a, b});
  }

  Value pairsOfBf16(Emitter &e, Value even, Value odd) const override {
    int64_t lanes = cast<VectorType>(even.getType()).getDimSize(0);
    auto type = VectorType::get(2 * lanes, e.b.getBF16Type());
    Value both =
        e.call("llvm.x86.avx512bf16.cvtne2ps2bf16.512", type, {odd, even});
    SmallVector<int64_t> turns;
    for (int64_t i = 0; i < lanes; ++i)
      turns.append({i, lanes + i});
    return vector::ShuffleOp::create(e.b, e.loc, both, both, turns);
  }

  bool roundsToBf16() const override { return hasBf16; }

  Value lookUp(Emitter &e, ArrayRef<int8_t> table, Value codes) const override {
    bool wide = isWide(codes);
    SmallVector<int8_t> repeated;
    for (int64_t i = 0; i < (wide ? 64 : 32); ++i)
      repeated.push_back(table[i % 16]);
    auto bytes = VectorType::get(repeated.size(), e.b.getI8Type());
    Value all = arith::ConstantOp::create(
        e.b, e.loc, DenseElementsAttr::get(bytes, ArrayRef(repeated)));
    Value entries =
        e.call(wide ? "llvm.x86.avx512.pshuf.b.512" : "llvm.x86.avx2.pshuf.b",
               bytes, {all, e.bitcast(codes, e.b.getI8Type())});
    return e.bitcast(entries, e.b.getI32Type());
  }

  /// One permutation of 16 lanes, or two of 8.
  Value lookUp(Emitter &e, ArrayRef<float> table, Value codes) const override {
    auto type = cast<VectorType>(codes.getType());
    int64_t lanes = type.getDimSize(0);
    SmallVector<float> entries(table);
    entries.resize(16, 0);
    auto part = [&](int64_t first) -> Value {
      ArrayRef<float> some = ArrayRef(entries).slice(first, lanes);
      return arith::ConstantOp::create(
          e.b, e.loc, DenseElementsAttr::get(e.f32x(lanes), some));
    };
    if (lanes == 16)
      return e.call("llvm.x86.avx512.permvar.sf.512", e.f32x(16),
                    {part(0), codes});
    auto from = [&](int64_t first) {
      return e.call("llvm.x86.avx2.permps", e.f32x(8), {part(first), codes});
    };
    if (table.size() <= 8)
      return from(0);
    Value isHigh = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ugt,
                                         codes, e.splatOf(7, type));
    return e.select(isHigh, from(8), from(0));
  }

  /// Names as LLVM has them, and as assembly has those that differ.
  StringRef dotName(StringRef intrinsic) const override {
    static constexpr std::pair<StringRef, StringRef> names[] = {
        {".dpbf16ps", "vdpbf16ps"},  {".tdpbf16ps", "tdpbf16ps"},
        {".tdpbssd", "tdpbssd"},     {".vpdpbusd", "vpdpbusd"},
        {".pmaddubs", "vpmaddubsw"}, {".pmadd.ub.sw", "vpmaddubsw"}};
    for (auto [part, name] : names)
      if (intrinsic.contains(part))
        return name;
    return "";
  }
  StringRef multiplyAddName() const override { return "vfmadd231ps"; }

protected:
  Value widen(Emitter &e, Value narrow, Type type) const override {
    Value one = e.splatOf(1, cast<VectorType>(narrow.getType()));
    return e.call(isWide(narrow) ? "llvm.x86.avx512.pmaddw.d.512"
                                 : "llvm.x86.avx2.pmadd.wd",
                  type, {narrow, one});
  }

private:
  bool hasVNNI(bool wide) const {
    return hasAVX512VNNI || (!wide && hasAVXVNNI);
  }

  static Value isBelow(Emitter &e, Value x) {
    auto type = cast<VectorType>(x.getType());
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, x,
                                 e.splatOf(0, type));
  }
  static Value negated(Emitter &e, Value x) {
    return e.sub(e.splatOf(0, cast<VectorType>(x.getType())), x);
  }
  static Value absolute(Emitter &e, Value x) {
    return e.select(isBelow(e, x), negated(e, x), x);
  }
  /// `x` with the sign of `by`, 0 where that is 0.
  static Value signedBy(Emitter &e, Value x, Value by) {
    if (!isWide(x))
      return e.call("llvm.x86.avx2.psign.b", x.getType(), {x, by});
    return e.select(isBelow(e, by), negated(e, x), x);
  }

  bool hasAVXVNNI, hasAVX512VNNI, hasBf16;
};

} // namespace

std::unique_ptr<Instructions> cpu::makeX86(StringRef features) {
  return std::make_unique<X86>(features);
}
