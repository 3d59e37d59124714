//===- InstructionsAArch64.cpp - Armv8.2-A and what may be added ----------===//
//
// Registers of 128 bits; a vector of more is taken apart. A panel of 16 rows is
// four registers of sums, as it lies in memory for every target.
//
// Not used: smmla and usmmla of +i8mm, which multiply 2 rows by 2 columns of 8
// bytes of k, twice the products of usdot. They want 8 of k of one column side
// by side, where a dword of a packed line is 4 of them: zip1 and zip2 of the
// dwords of two lines have that order for two pairs of columns, so that packing
// could stay as it is, at one zip for each register of weights, shared by the
// rows. Rows would have to be two at a time, 8 bytes of each in a register, and
// sums be 2x2 tiles that are unzipped before scales come in.
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

int64_t registersOf(Value value) {
  auto type = cast<VectorType>(value.getType());
  return type.getNumElements() * type.getElementTypeBitWidth() / 128;
}

/// The intrinsic `name`, whose result is a vector<lanes x element>, of each
/// register of the `operands`, which have as many.
Value byRegister(Emitter &e, StringRef name, int64_t lanes, Type element,
                 ValueRange operands) {
  int64_t count = registersOf(operands[0]);
  SmallVector<Value> parts;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> some;
    for (Value operand : operands) {
      int64_t size = cast<VectorType>(operand.getType()).getDimSize(0) / count;
      some.push_back(e.slice(operand, i * size, size));
    }
    parts.push_back(e.call(name, VectorType::get(lanes, element), some));
  }
  return e.join(parts);
}

struct AArch64 : Instructions {
  explicit AArch64(StringRef features)
      : hasDot(features.contains("+dotprod")),
        hasMixedDot(features.contains("+i8mm")),
        hasBf16(features.contains("+bf16")) {}

  /// usdot takes unsigned codes, sdot signed ones. Without, products become 16
  /// bits, two registers of them.
  void addBytes(Emitter &e, Sum &sum, Value codes, Value rows,
                int64_t greatest) const override {
    Value c = e.bitcast(codes, e.b.getI8Type());
    Value a = e.bitcast(rows, e.b.getI8Type());
    if (isMoved(greatest))
      c = arith::XOrIOp::create(e.b, e.loc, c,
                                e.splatOf(-128, cast<VectorType>(c.getType())));
    if (hasMixedDot || hasDot) {
      sum.wide = byRegister(e,
                            hasMixedDot ? "llvm.aarch64.neon.usdot.v4i32.v16i8"
                                        : "llvm.aarch64.neon.sdot.v4i32.v16i8",
                            4, e.b.getI32Type(), {sum.wide, c, a});
      return;
    }
    constexpr int64_t most = 32767, largest = 127;
    int64_t size = std::min<int64_t>(greatest, 128);
    addNarrow(e, sum, productsOf(e, c, a), most / (largest * size));
  }

  int64_t zeroOf(int64_t zero, int64_t greatest, int64_t) const override {
    return isMoved(greatest) ? zero - 128 : zero;
  }

  bool takesLanes() const override { return hasDot || hasMixedDot; }

  /// smlal of the even elements, then of the odd ones, by one of a register.
  Value addPairs(Emitter &e, Value sum, Value a, Value b) const override {
    for (int64_t first : {0, 1}) {
      SmallVector<Value> parts;
      for (int64_t i = 0; i < registersOf(sum); ++i) {
        Value half = e.strided(e.slice(a, i * 8, 8), first, 2, 4);
        Value row = e.strided(e.slice(b, i * 8, 8), first, 0, 4);
        parts.push_back(e.call("llvm.aarch64.neon.smull.v4i32",
                               VectorType::get(4, e.b.getI32Type()),
                               {half, row}));
      }
      sum = e.add(sum, e.join(parts));
    }
    return sum;
  }

  /// bfdot: the two products are added, then the sum; either is rounded to odd,
  /// not to nearest as by vdpbf16ps, and denormal numbers count as 0.
  /// (FPCR.EBF, where a CPU has it, would make it another rounding; it is left
  /// off.)
  Value addPairsOfBf16(Emitter &e, Value sum, Value a, Value b) const override {
    return byRegister(e, "llvm.aarch64.neon.bfdot.v4f32.v8bf16", 4,
                      e.b.getF32Type(), {sum, a, b});
  }

  Value pairsOfBf16(Emitter &e, Value even, Value odd) const override {
    Type bf16 = e.b.getBF16Type();
    int64_t lanes = cast<VectorType>(even.getType()).getDimSize(0);
    SmallVector<int64_t> turns;
    for (int64_t i = 0; i < lanes; ++i)
      turns.append({i, lanes + i});
    return vector::ShuffleOp::create(e.b, e.loc, e.truncate(even, bf16),
                                     e.truncate(odd, bf16), turns);
  }

  bool roundsToBf16() const override { return hasBf16; }

  Value lookUp(Emitter &e, ArrayRef<int8_t> table, Value codes) const override {
    auto type = VectorType::get(16, e.b.getI8Type());
    Value all = arith::ConstantOp::create(e.b, e.loc,
                                          DenseElementsAttr::get(type, table));
    return e.bitcast(lookUpBytes(e, {all}, codes), e.b.getI32Type());
  }

  /// The bytes of entry c are those from 4 c on.
  Value lookUp(Emitter &e, ArrayRef<float> table, Value codes) const override {
    int64_t lanes = cast<VectorType>(codes.getType()).getDimSize(0);
    SmallVector<float> entries(table);
    entries.resize(16, 0);
    SmallVector<Value> registers;
    for (int64_t first = 0; first < 16; first += 4) {
      Value four = arith::ConstantOp::create(
          e.b, e.loc,
          DenseElementsAttr::get(e.f32x(4), ArrayRef(entries).slice(first, 4)));
      registers.push_back(e.bitcast(four, e.b.getI8Type()));
    }
    Value places = e.add(e.mul(codes, e.splatBits(0x04040404, lanes)),
                         e.splatBits(0x03020100, lanes));
    return e.bitcast(lookUpBytes(e, registers, places), e.b.getF32Type());
  }

  StringRef dotName(StringRef intrinsic) const override {
    static constexpr std::pair<StringRef, StringRef> names[] = {
        {".usdot.", "usdot"},
        {".sdot.", "sdot"},
        {".smull.v8i16", "smull"},
        {".bfdot.", "bfdot"}};
    for (auto [part, name] : names)
      if (intrinsic.contains(part))
        return name;
    return "";
  }
  StringRef multiplyAddName() const override { return "fmla"; }

protected:
  /// Halves of a dword's products, two registers for one of dwords.
  Value widen(Emitter &e, Value narrow, Type type) const override {
    Value pairs = byRegister(e, "llvm.aarch64.neon.saddlp.v4i32.v8i16", 4,
                             e.b.getI32Type(), narrow);
    int64_t lanes = cast<VectorType>(type).getDimSize(0);
    return e.add(e.strided(pairs, 0, 2, lanes), e.strided(pairs, 1, 2, lanes));
  }

private:
  /// Whether codes become signed: usdot alone takes others.
  bool isMoved(int64_t greatest) const {
    return !hasMixedDot && greatest > 127;
  }

  static Value productsOf(Emitter &e, Value c, Value a) {
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 2 * registersOf(c); ++i)
      parts.push_back(e.call("llvm.aarch64.neon.smull.v8i16",
                             VectorType::get(8, e.b.getI16Type()),
                             {e.slice(c, i * 8, 8), e.slice(a, i * 8, 8)}));
    return e.join(parts);
  }

  /// The bytes of a table of one register or of four.
  static Value lookUpBytes(Emitter &e, ArrayRef<Value> table, Value places) {
    Value bytes = e.bitcast(places, e.b.getI8Type());
    auto type = VectorType::get(16, e.b.getI8Type());
    SmallVector<Value> parts;
    for (int64_t i = 0; i < registersOf(bytes); ++i) {
      SmallVector<Value> operands(table);
      operands.push_back(e.slice(bytes, i * 16, 16));
      parts.push_back(e.call(table.size() == 1 ? "llvm.aarch64.neon.tbl1.v16i8"
                                               : "llvm.aarch64.neon.tbl4.v16i8",
                             type, operands));
    }
    return e.join(parts);
  }

  bool hasDot, hasMixedDot, hasBf16;
};

} // namespace

std::unique_ptr<Instructions> cpu::makeAArch64(StringRef features) {
  return std::make_unique<AArch64>(features);
}
