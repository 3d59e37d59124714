//===- Edsl.cpp - Formulas over values ------------------------------------===//

#include "dialects/MicaTile/Edsl.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mica::tile;

namespace {
template <typename OpTy, typename T> T binary(T a, T b) {
  RowBuilder &r = *a.builder;
  return {&r, OpTy::create(r.b, r.loc, a.value, b.value)};
}

Row broadcast(Scalar a, Row like) {
  RowBuilder &r = *like.builder;
  return r.row(vector::BroadcastOp::create(r.b, r.loc, like.value.getType(),
                                           a.value));
}
} // namespace

int64_t Row::size() const {
  return cast<VectorType>(value.getType()).getDimSize(0);
}

Row Row::slice(int64_t first, int64_t count) const {
  if (first == 0 && count == size())
    return *this;
  return builder->row(vector::ExtractStridedSliceOp::create(
      builder->b, builder->loc, value, ArrayRef<int64_t>(first),
      ArrayRef<int64_t>(count), ArrayRef<int64_t>(1)));
}

Row Row::strided(int64_t first, int64_t step) const {
  SmallVector<int64_t> lanes;
  for (int64_t i = first; i < size(); i += step)
    lanes.push_back(i);
  return builder->row(vector::ShuffleOp::create(builder->b, builder->loc, value,
                                                value, lanes));
}

Row mica::tile::operator+(Row a, Row b) { return binary<arith::AddFOp>(a, b); }
Row mica::tile::operator-(Row a, Row b) { return binary<arith::SubFOp>(a, b); }
Row mica::tile::operator*(Row a, Row b) { return binary<arith::MulFOp>(a, b); }
Row mica::tile::operator*(Row a, Scalar b) { return a * broadcast(b, a); }
Row mica::tile::operator+(Row a, Scalar b) { return a + broadcast(b, a); }
Row mica::tile::operator-(Row a, Scalar b) { return a - broadcast(b, a); }
Row mica::tile::operator*(Row a, double b) {
  return a * a.builder->splat(b, a.size());
}
Row mica::tile::operator+(Row a, double b) {
  return a + a.builder->splat(b, a.size());
}
Scalar mica::tile::operator+(Scalar a, Scalar b) {
  return binary<arith::AddFOp>(a, b);
}
Scalar mica::tile::operator-(Scalar a, Scalar b) {
  return binary<arith::SubFOp>(a, b);
}
Scalar mica::tile::operator*(Scalar a, Scalar b) {
  return binary<arith::MulFOp>(a, b);
}
Scalar mica::tile::operator*(Scalar a, double b) {
  return a * a.builder->constant(b);
}
Scalar mica::tile::operator+(Scalar a, double b) {
  return a + a.builder->constant(b);
}

Scalar mica::tile::rsqrt(Scalar a) {
  RowBuilder &r = *a.builder;
  Value root = math::SqrtOp::create(r.b, r.loc, a.value);
  return r.scalar(
      arith::DivFOp::create(r.b, r.loc, r.constant(1.0).value, root));
}

Scalar mica::tile::log(Scalar a) {
  RowBuilder &r = *a.builder;
  return r.scalar(math::LogOp::create(r.b, r.loc, a.value));
}

Row mica::tile::cos(Row a) {
  RowBuilder &r = *a.builder;
  return r.row(math::CosOp::create(r.b, r.loc, a.value));
}

Row mica::tile::sin(Row a) {
  RowBuilder &r = *a.builder;
  return r.row(math::SinOp::create(r.b, r.loc, a.value));
}

Row mica::tile::join(ArrayRef<Row> parts) {
  RowBuilder &r = *parts[0].builder;
  int64_t total = 0;
  for (Row part : parts)
    total += part.size();
  Row result = r.splat(0.0, total);
  int64_t first = 0;
  for (Row part : parts) {
    result = r.row(vector::InsertStridedSliceOp::create(
        r.b, r.loc, part.value, result.value, ArrayRef<int64_t>(first),
        ArrayRef<int64_t>(1)));
    first += part.size();
  }
  return result;
}

Row mica::tile::interleave(Row a, Row b) {
  RowBuilder &r = *a.builder;
  return r.row(vector::InterleaveOp::create(r.b, r.loc, a.value, b.value));
}

Scalar mica::tile::sum(Row a) { return a.builder->reduce(a, false); }
Scalar mica::tile::max(Row a) { return a.builder->reduce(a, true); }

Scalar RowBuilder::constant(double value) {
  return scalar(arith::ConstantOp::create(
      b, loc, b.getF32FloatAttr(static_cast<float>(value))));
}

Row RowBuilder::splat(double value, int64_t size) {
  auto type = VectorType::get(size, b.getF32Type());
  return row(arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, static_cast<float>(value))));
}

Row RowBuilder::table(ArrayRef<float> values) {
  auto type =
      VectorType::get(static_cast<int64_t>(values.size()), b.getF32Type());
  return row(
      arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, values)));
}

Scalar RowBuilder::fromInteger(Value value) {
  return scalar(arith::SIToFPOp::create(b, loc, b.getF32Type(), value));
}
