//===- RowMath.cpp - Element-wise arithmetic on rows ----------------------===//

#include "lib/Import/RowMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace mica;

/// `value` in every element, in the shape of `like`.
Value RowMath::splat(double value, Value like) {
  Value scalar = arith::ConstantOp::create(
      b, loc, b.getF32FloatAttr(static_cast<float>(value)));
  Value count = tensor::DimOp::create(b, loc, like, 0);
  return tensor::SplatOp::create(b, loc, scalar, like.getType(),
                                 ValueRange{count});
}

Value RowMath::mul(Value x, Value y) {
  return arith::MulFOp::create(b, loc, x, y);
}

Value RowMath::add(Value x, Value y) {
  return arith::AddFOp::create(b, loc, x, y);
}

Value RowMath::scaled(Value x, double factor) {
  return factor == 1 ? x : mul(x, splat(factor, x));
}

Value RowMath::softcapped(Value x, double cap) {
  if (cap == 0)
    return x;
  Value t = arith::DivFOp::create(b, loc, x, splat(cap, x));
  return scaled(math::TanhOp::create(b, loc, t), cap);
}

Value RowMath::silu(Value x, double alpha) {
  Value e = math::ExpOp::create(
      b, loc, arith::NegFOp::create(b, loc, scaled(x, alpha)));
  return arith::DivFOp::create(b, loc, x, add(e, splat(1, x)));
}

Value RowMath::gelu(Value x, bool tanh) {
  Value inner;
  if (tanh) {
    Value cube = mul(mul(x, x), x);
    inner = scaled(add(x, scaled(cube, 0.044715)), std::sqrt(2 / M_PI));
    inner = math::TanhOp::create(b, loc, inner);
  } else {
    inner = math::ErfOp::create(b, loc, scaled(x, std::sqrt(0.5)));
  }
  return mul(scaled(x, 0.5), add(inner, splat(1, x)));
}

Value RowMath::relu(Value x) {
  return arith::MaximumFOp::create(b, loc, x, splat(0, x));
}

Value RowMath::atMost(Value x, double limit) {
  return arith::MinimumFOp::create(b, loc, x, splat(limit, x));
}

Value RowMath::clampedSwiglu(Value gate, Value up, double limit, double alpha) {
  up = arith::MaximumFOp::create(b, loc, atMost(up, limit), splat(-limit, up));
  return mul(add(up, splat(1, up)), silu(atMost(gate, limit), alpha));
}

Value RowMath::activated(Activation activation, Value x) {
  switch (activation) {
  case Activation::Silu:
    return silu(x);
  case Activation::Gelu:
    return gelu(x, /*tanh=*/false);
  case Activation::GeluTanh:
    return gelu(x, /*tanh=*/true);
  case Activation::Relu:
    return relu(x);
  case Activation::ReluSquared:
    x = relu(x);
    return mul(x, x);
  }
  llvm_unreachable("no such activation");
}
