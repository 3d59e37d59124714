//===- ExpandMath.cpp - Functions and conversions as instructions ---------===//
//
// The polynomials were fitted for the smallest largest error (weighted least
// squares, reweighted until the error is even).
//
//===----------------------------------------------------------------------===//

#include "passes/CPU/Instructions.h"
#include "passes/CPU/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mica {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "passes/CPU/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// `type` with elements `element`: a scalar or a vector of the same shape.
Type like(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

/// Emits element-wise formulas on values of one shape.
class Formula {
public:
  Formula(Operation *op) : b(op), loc(op->getLoc()) {}

  template <typename OpTy, typename... Args> Value make(Args &&...args) {
    return OpTy::create(b, loc, std::forward<Args>(args)...);
  }
  Value constant(Type type, double value) {
    return splat(type, b.getFloatAttr(getElementTypeOrSelf(type), value));
  }
  Value bits(Type type, int64_t value) {
    return splat(type, b.getIntegerAttr(getElementTypeOrSelf(type), value));
  }
  Type ints(Type type, unsigned width = 32) {
    return like(type, b.getIntegerType(width));
  }
  Value fma(Value x, Value y, Value z) { return make<math::FmaOp>(x, y, z); }
  Value fma(Value x, double y, Value z) {
    return fma(x, constant(x.getType(), y), z);
  }
  Value less(arith::CmpFPredicate predicate, Value x, double y) {
    return make<arith::CmpFOp>(predicate, x, constant(x.getType(), y));
  }
  /// c[0] + x c[1] + x^2 c[2] + …
  Value polynomial(Value x, ArrayRef<double> c) {
    Value sum = constant(x.getType(), c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      sum = fma(sum, x, constant(x.getType(), coefficient));
    return sum;
  }

  Value exp(Value x);
  Value exp2(Value x);
  Value log(Value x);
  Value tanh(Value x);
  Value erf(Value x);
  Value sine(Value x, int64_t quarter);
  Value extend(Value x, Type type);
  Value truncate(Value x, Type type);

private:
  Value splat(Type type, TypedAttr attr) {
    if (auto vector = dyn_cast<VectorType>(type))
      return make<arith::ConstantOp>(
          DenseElementsAttr::get(vector, Attribute(attr)));
    return make<arith::ConstantOp>(attr);
  }
  Value expOfParts(Value x, Value whole, Value rest, double lowest,
                   double highest);

  OpBuilder b;
  Location loc;
};

/// 2^whole * e^rest, |rest| <= ln(2) / 2; 0 where x < lowest, infinity where
/// x > highest, NaN where x is.
Value Formula::expOfParts(Value x, Value whole, Value rest, double lowest,
                          double highest) {
  Type type = x.getType();
  Value one = constant(type, 1.0);
  Value q = polynomial(rest, {0.49999993403409587, 0.16666519973310723,
                              0.04166839579834452, 0.00836879669917777,
                              0.0013814433032185538});
  Value power = fma(fma(q, rest, one), rest, one);
  Value exponent = make<arith::ShLIOp>(make<arith::FPToSIOp>(ints(type), whole),
                                       bits(ints(type), 23));
  Value scaled = make<arith::BitcastOp>(
      type,
      make<arith::AddIOp>(make<arith::BitcastOp>(ints(type), power), exponent));
  Value infinity = constant(type, std::numeric_limits<double>::infinity());
  Value inRange = less(arith::CmpFPredicate::OLE, x, highest);
  scaled =
      make<arith::SelectOp>(inRange, scaled, make<arith::AddFOp>(x, infinity));
  return make<arith::SelectOp>(less(arith::CmpFPredicate::OLT, x, lowest),
                               constant(type, 0.0), scaled);
}

Value Formula::exp(Value x) {
  constexpr double lowest = -87.336, highest = 88.7228;
  Type type = x.getType();
  Value clamped =
      make<arith::MinNumFOp>(make<arith::MaxNumFOp>(x, constant(type, lowest)),
                             constant(type, highest));
  Value whole = make<math::RoundEvenOp>(
      make<arith::MulFOp>(clamped, constant(type, 1.4426950408889634)));
  // ln(2) in two parts: the products with the first are exact.
  Value rest = fma(whole, -0.693145751953125, clamped);
  rest = fma(whole, -1.42860677e-06, rest);
  return expOfParts(x, whole, rest, lowest, highest);
}

Value Formula::exp2(Value x) {
  constexpr double lowest = -126.0, highest = 127.99999;
  Type type = x.getType();
  Value clamped =
      make<arith::MinNumFOp>(make<arith::MaxNumFOp>(x, constant(type, lowest)),
                             constant(type, highest));
  Value whole = make<math::RoundEvenOp>(clamped);
  Value rest = make<arith::MulFOp>(make<arith::SubFOp>(clamped, whole),
                                   constant(type, 0.6931471805599453));
  return expOfParts(x, whole, rest, lowest, highest);
}

/// With x = 2^whole * m, m in [sqrt(1/2), sqrt(2)), and s = (m - 1) / (m + 1):
/// whole * ln(2) + 2 artanh(s), by its series. -infinity at 0 and below what is
/// normal, NaN of negative numbers.
Value Formula::log(Value x) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Type type = x.getType(), i = ints(type);
  Value from = make<arith::SubIOp>(make<arith::BitcastOp>(i, x),
                                   bits(i, 0x3f3504f3)); // sqrt(1/2)
  Value whole = make<arith::ShRSIOp>(from, bits(i, 23));
  Value m = make<arith::BitcastOp>(
      type, make<arith::AddIOp>(make<arith::AndIOp>(from, bits(i, 0x7fffff)),
                                bits(i, 0x3f3504f3)));
  Value one = constant(type, 1.0),
        exponent = make<arith::SIToFPOp>(type, whole);
  Value s = make<arith::DivFOp>(make<arith::SubFOp>(m, one),
                                make<arith::AddFOp>(m, one));
  Value square = make<arith::MulFOp>(s, s);
  Value series = polynomial(square, {2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9});
  Value rest = make<arith::MulFOp>(make<arith::MulFOp>(s, square), series);
  rest = fma(exponent, 1.42860677e-06, rest);
  rest = fma(s, 2.0, rest);
  Value y = fma(exponent, 0.693145751953125, rest);
  y = make<arith::SelectOp>(less(arith::CmpFPredicate::OLT, x, infinity), y, x);
  Value special = make<arith::SelectOp>(
      less(arith::CmpFPredicate::OLT, x, 0.0),
      constant(type, std::numeric_limits<double>::quiet_NaN()),
      constant(type, -infinity));
  Value isLow =
      less(arith::CmpFPredicate::OLT, x, std::numeric_limits<float>::min());
  return make<arith::SelectOp>(isLow, special, y);
}

/// 1 - 2 / (e^(2 |x|) + 1), with the sign of x.
Value Formula::tanh(Value x) {
  Type type = x.getType();
  Value a = make<math::AbsFOp>(x);
  Value e = exp(make<arith::AddFOp>(a, a));
  Value part = make<arith::DivFOp>(constant(type, 2.0),
                                   make<arith::AddFOp>(e, constant(type, 1.0)));
  return make<math::CopySignOp>(make<arith::SubFOp>(constant(type, 1.0), part),
                                x);
}

/// 1 - e^(-a p(a)), a = |x|, with the sign of x; p fits -log(1 - erf(a)) / a on
/// [0, 4].
Value Formula::erf(Value x) {
  Type type = x.getType();
  Value a = make<arith::MinimumFOp>(make<math::AbsFOp>(x), constant(type, 4.0));
  Value p = polynomial(a, {1.1283793449401855, 0.6366161108016968,
                           0.10279920697212219, -0.019217142835259438,
                           -5.878136653336696e-05, 0.0015767599688842893,
                           -0.0005879506352357566, 0.00010602663678582758,
                           -8.043820344028063e-06});
  Value e = exp(make<arith::NegFOp>(make<arith::MulFOp>(a, p)));
  return make<math::CopySignOp>(make<arith::SubFOp>(constant(type, 1.0), e), x);
}

/// sin(x + quarter * pi / 2). In f64 throughout: it is used for rotary angles,
/// once a step, and its arguments grow with the position.
Value Formula::sine(Value x, int64_t quarter) {
  Type narrow = x.getType(), type = like(narrow, b.getF64Type());
  Type i = ints(type, 64);
  Value wide = make<arith::ExtFOp>(type, x);
  Value whole = make<math::RoundEvenOp>(
      make<arith::MulFOp>(wide, constant(type, 0.63661977236758134)));
  Value r = fma(whole, -1.5707963267948966, wide);
  r = fma(whole, -6.1232339957367660e-17, r);
  // Taylor to a remainder below 2e-9 on [-pi / 4, pi / 4].
  Value r2 = make<arith::MulFOp>(r, r);
  Value sin = make<arith::MulFOp>(
      r, polynomial(r2, {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880}));
  Value cos = polynomial(
      r2, {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800});
  // The quadrant: odd ones take the cosine, the upper two change the sign.
  Value quadrant =
      make<arith::AddIOp>(make<arith::FPToSIOp>(i, whole), bits(i, quarter));
  Value odd = make<arith::CmpIOp>(arith::CmpIPredicate::ne,
                                  make<arith::AndIOp>(quadrant, bits(i, 1)),
                                  bits(i, 0));
  Value upper = make<arith::CmpIOp>(arith::CmpIPredicate::ne,
                                    make<arith::AndIOp>(quadrant, bits(i, 2)),
                                    bits(i, 0));
  Value value = make<arith::SelectOp>(odd, cos, sin);
  value = make<arith::SelectOp>(upper, make<arith::NegFOp>(value), value);
  return make<arith::TruncFOp>(narrow, value);
}

/// bf16 to f32: the bits with 16 zeros below.
Value Formula::extend(Value x, Type type) {
  Value half = make<arith::BitcastOp>(ints(type, 16), x);
  Value wide = make<arith::ExtUIOp>(ints(type), half);
  return make<arith::BitcastOp>(
      type, make<arith::ShLIOp>(wide, bits(ints(type), 16)));
}

/// f32 to bf16: adds half a unit of the last place, less one where that place
/// is even; a NaN keeps its upper bits and becomes quiet.
Value Formula::truncate(Value x, Type type) {
  Type i = ints(type);
  Value x32 = make<arith::BitcastOp>(i, x), sixteen = bits(i, 16);
  Value odd =
      make<arith::AndIOp>(make<arith::ShRUIOp>(x32, sixteen), bits(i, 1));
  Value rounded =
      make<arith::AddIOp>(x32, make<arith::AddIOp>(odd, bits(i, 0x7fff)));
  Value quiet = make<arith::OrIOp>(x32, bits(i, 0x400000));
  Value isNaN = make<arith::CmpFOp>(arith::CmpFPredicate::UNO, x, x);
  Value chosen = make<arith::SelectOp>(isNaN, quiet, rounded);
  Value upper = make<arith::TruncIOp>(ints(type, 16),
                                      make<arith::ShRUIOp>(chosen, sixteen));
  return make<arith::BitcastOp>(type, upper);
}

/// What `op` becomes, or null if it stays.
Value expand(Operation *op, bool hasBF16) {
  if (op->getNumOperands() == 0 || op->getNumResults() != 1)
    return {};
  Value x = op->getOperand(0);
  Type from = getElementTypeOrSelf(x),
       to = getElementTypeOrSelf(op->getResult(0));
  Type type = op->getResult(0).getType();
  Formula f(op);
  if (isa<arith::ExtFOp>(op) && from.isBF16() && to.isF32())
    return f.extend(x, type);
  if (isa<arith::TruncFOp>(op) && from.isF32() && to.isBF16())
    // Rounding of one scalar is no instruction of its own.
    return hasBF16 && isa<VectorType>(type) ? Value() : f.truncate(x, type);
  if (!from.isF32())
    return {};
  return TypeSwitch<Operation *, Value>(op)
      .Case<math::ExpOp>([&](auto) { return f.exp(x); })
      .Case<math::Exp2Op>([&](auto) { return f.exp2(x); })
      .Case<math::LogOp>([&](auto) { return f.log(x); })
      .Case<math::TanhOp>([&](auto) { return f.tanh(x); })
      .Case<math::ErfOp>([&](auto) { return f.erf(x); })
      .Case<math::SinOp>([&](auto) { return f.sine(x, 0); })
      .Case<math::CosOp>([&](auto) { return f.sine(x, 1); })
      .Default([](auto) { return Value(); });
}

/// Takes `rounded`, integers as bf16, apart as integers, and says in front of
/// each use that they are bf16: a vector of bf16 that lives in several blocks
/// is one of floats to LLVM where a target has no such numbers, and is rounded
/// once more by a function of its library.
void sinkBitcast(arith::BitcastOp rounded) {
  for (OpOperand &use : llvm::make_early_inc_range(rounded->getUses())) {
    Operation *user = use.getOwner();
    OpBuilder b(user);
    auto asFloats = [&](Type type, Value bits) {
      return arith::BitcastOp::create(b, user->getLoc(), type, bits);
    };
    auto slice = dyn_cast<vector::ExtractStridedSliceOp>(user);
    if (!slice) {
      use.set(asFloats(rounded.getType(), rounded.getIn()));
      continue;
    }
    auto bits = cast<VectorType>(rounded.getIn().getType());
    auto part = cast<VectorType>(slice.getType());
    Operation *piece = b.clone(*slice);
    piece->setOperand(0, rounded.getIn());
    piece->getResult(0).setType(part.clone(bits.getElementType()));
    auto narrow = asFloats(part, piece->getResult(0));
    slice.replaceAllUsesWith(narrow.getResult());
    slice.erase();
    sinkBitcast(narrow);
  }
  rounded.erase();
}

struct ExpandMath : mica::impl::ExpandMathPassBase<ExpandMath> {
  using ExpandMathPassBase::ExpandMathPassBase;

  void runOnOperation() override {
    auto target =
        getOperation()->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>(
            "mica.target");
    bool hasBF16 = cpu::makeInstructions(target)->roundsToBf16();
    SmallVector<arith::BitcastOp> rounded;
    getOperation()->walk([&](Operation *op) {
      if (Value value = expand(op, hasBF16)) {
        op->replaceAllUsesWith(ValueRange{value});
        if (isa<arith::TruncFOp>(op) && isa<VectorType>(value.getType()))
          rounded.push_back(value.getDefiningOp<arith::BitcastOp>());
        op->erase();
      }
    });
    llvm::for_each(rounded, sinkBitcast);
  }
};

} // namespace
