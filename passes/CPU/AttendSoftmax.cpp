//===- AttendSoftmax.cpp - Online softmax of one block of tokens ----------===//
//
// Exponentials are of base 2, of score * factor - maximum in one fma. What a
// row has summed is scaled only when a score exceeds the maximum by `slack`, so
// that the weights stay below 2^slack; that test is one compare a block.
//
//===----------------------------------------------------------------------===//

#include "passes/CPU/AttendSoftmax.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numbers>

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {
/// Weights are at most 2^slack.
constexpr double slack = 8;

Value larger(Emitter &e, Value x, Value y) {
  Value greater =
      arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT, x, y);
  return e.select(greater, x, y);
}
} // namespace

AttendSoftmax::AttendSoftmax(Emitter &e, tile::AttendOp op,
                             const AttendDot &dot, const AttendState &state)
    : e(e), op(op), dot(dot), state(state) {
  parts = cast<MemRefType>(state.scores.getType()).getDimSize(1) / lanes;
  columns = cast<MemRefType>(state.output.getType()).getDimSize(1);
  wide = cast<MemRefType>(state.weights.getType()).getDimSize(2);
}

Value AttendSoftmax::tokensOf(Index n, int64_t part) {
  Type i32 = e.b.getI32Type();
  Value first = arith::IndexCastOp::create(e.b, e.loc, i32, n + part * lanes);
  auto steps = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  auto type = VectorType::get(lanes, i32);
  Value iota = arith::ConstantOp::create(
      e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(steps)));
  return arith::AddIOp::create(e.b, e.loc, e.broadcast(first, lanes), iota);
}

Value AttendSoftmax::score(Index r, Index m, Index h, Index n, int64_t part,
                           Value tokens) {
  Value raw = e.load(e.f32x(lanes), state.scores, {r, e.index(part * lanes)});
  if (op.getScore().empty())
    return raw;
  Value scale = e.splat(op.getScale().convertToDouble(), lanes);
  SmallVector<Value> arguments = {e.mul(raw, scale), m, h, tokens};
  llvm::append_range(arguments, op.getCaptures());
  return e.inlined(op.getScore(), arguments)[0];
}

double AttendSoftmax::factor() {
  double scale = op.getScore().empty() ? op.getScale().convertToDouble() : 1.0;
  return scale * std::numbers::log2e;
}

Value AttendSoftmax::visible(Index r, Index m, Value tokens) {
  auto compare = [&](arith::CmpIPredicate predicate, int64_t which) -> Value {
    Value bound = e.load(state.bounds, {r, e.index(which)});
    return arith::CmpIOp::create(e.b, e.loc, predicate, tokens,
                                 e.broadcast(bound, lanes));
  };
  Value seen = e.bitAnd(compare(arith::CmpIPredicate::sge, 0),
                        compare(arith::CmpIPredicate::slt, 2));
  if (!op.getMask().empty()) {
    SmallVector<Value> arguments = {m, tokens};
    llvm::append_range(arguments, op.getCaptures());
    Value asked = e.inlined(op.getMask(), arguments)[0];
    Value core = compare(arith::CmpIPredicate::slt, 1);
    seen = e.bitAnd(seen, e.bitOr(core, asked));
  }
  bool hasSinks = cast<MemRefType>(state.bounds.getType()).getDimSize(1) == 4;
  return hasSinks ? e.bitOr(seen, compare(arith::CmpIPredicate::slt, 3)) : seen;
}

Value AttendSoftmax::exp2(Value x) {
  // Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits.
  // A NaN stays one: `larger` returns its second operand.
  x = larger(e, e.splat(-126, lanes), x);
  Value magic = e.splat(12582912, lanes);
  Value rounded = e.add(x, magic);
  Value f = e.sub(x, e.sub(rounded, magic));
  // Relative error 2.8e-6 for weights that become bf16, else 9.2e-8.
  static constexpr double half[] = {0.009582852944731712, 0.055906426161527634,
                                    0.24024099111557007, 0.6931241750717163, 1};
  static constexpr double full[] = {0.001326472731307149, 0.009671512991189957,
                                    0.05550733581185341,  0.24022242426872253,
                                    0.6931470036506653,   1};
  ArrayRef<double> terms = dot.getRowType(e).isBF16() ? ArrayRef<double>(half)
                                                      : ArrayRef<double>(full);
  Value p = e.splat(terms[0], lanes);
  for (double term : terms.drop_front())
    p = e.fma(p, f, e.splat(term, lanes));
  Value power =
      e.shiftLeft(e.bitcast(rounded, e.b.getI32Type()), e.splatBits(23, lanes));
  Value bits =
      arith::AddIOp::create(e.b, e.loc, e.bitcast(p, e.b.getI32Type()), power);
  return e.bitcast(bits, e.b.getF32Type());
}

void AttendSoftmax::rescale(Index r, Value scores) {
  Value before = e.load(state.maximum, {r});
  Value after = e.mul(e.reduce(scores, /*isMax=*/true), e.f32(factor()));
  e.store(after, state.maximum, {r});
  Value shrink = exp2(e.broadcast(e.sub(before, after), lanes));
  auto scale = [&](Value buffer, Index c) {
    Value old = e.load(e.f32x(lanes), buffer, {r, c});
    e.store(e.mul(old, shrink), buffer, {r, c});
  };
  scale(state.sum, e.index(0));
  if (state.minima)
    scale(state.minima, e.index(0));
  e.forRange(e.index(0), e.index(columns), lanes,
             [&](Index c) { scale(state.output, c); });
}

void AttendSoftmax::quantize(Index r, MutableArrayRef<Value> weights) {
  auto ofValues = [&](Value numbers, int64_t part) {
    return e.load(e.f32x(lanes), numbers, {e.index(part * lanes)});
  };
  if (state.minima) {
    Value sum = e.load(e.f32x(lanes), state.minima, {r, e.index(0)});
    for (auto [part, p] : llvm::enumerate(weights))
      sum = e.fma(p, ofValues(state.valueMinima, part), sum);
    e.store(sum, state.minima, {r, e.index(0)});
  }
  Value top;
  for (auto [part, p] : llvm::enumerate(weights)) {
    p = e.mul(p, ofValues(state.valueScales, part));
    top = top ? larger(e, top, p) : p;
  }
  RowScale scale = scaleOf(e, e.reduce(top, /*isMax=*/true));
  e.store(scale.scale, state.weightScale, {r});
  for (Value &p : weights)
    p = scale.integers(e, p);
}

void AttendSoftmax::storeWeights(Index r, MutableArrayRef<Value> weights) {
  if (dot.isInteger)
    quantize(r, weights);
  for (auto [part, p] : llvm::enumerate(weights)) {
    int64_t token = part * lanes;
    dot.storeRow(e, p, state.weights,
                 {e.index(token / wide), r, e.index(token % wide)});
  }
}

void AttendSoftmax::row(Index r, Index m, Index h, Index n, bool edge) {
  SmallVector<Value> scores, seen;
  for (int64_t part = 0; part < parts; ++part) {
    Value tokens = tokensOf(n, part);
    Value s = score(r, m, h, n, part, tokens);
    if (edge) {
      seen.push_back(visible(r, m, tokens));
      s = e.select(seen.back(), s, e.splat(lowest, lanes));
    }
    scores.push_back(s);
  }
  Value top = scores[0];
  for (Value s : llvm::drop_begin(scores))
    top = larger(e, top, s);

  Value scale = e.splat(factor(), lanes);
  Value limit = e.add(e.load(state.maximum, {r}), e.f32(slack));
  Value above =
      arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT,
                            e.mul(top, scale), e.broadcast(limit, lanes));
  Value any =
      vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, above);
  e.ifThen(any, [&] { rescale(r, top); });

  Value below = e.broadcast(
      arith::NegFOp::create(e.b, e.loc, e.load(state.maximum, {r})), lanes);
  Value sum = e.load(e.f32x(lanes), state.sum, {r, e.index(0)});
  for (auto [part, score] : llvm::enumerate(scores)) {
    Value p = exp2(e.fma(score, scale, below));
    if (edge)
      p = e.select(seen[part], p, e.splat(0, lanes));
    sum = e.add(sum, p);
    score = p;
  }
  e.store(sum, state.sum, {r, e.index(0)});
  storeWeights(r, scores);
}
