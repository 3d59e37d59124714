//===- RowMath.h - Element-wise arithmetic on rows --------------*- C++ -*-===//

#ifndef LIB_IMPORT_ROWMATH_H
#define LIB_IMPORT_ROWMATH_H

#include "lib/Import/Model.h"
#include "mlir/IR/Builders.h"

namespace mica {

/// Builds upstream's `arith` and `math` on rows [T, D] of f32, which are equal
/// in shape.
class RowMath {
public:
  RowMath(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc) {}

  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, mlir::Value y);
  /// Nothing if `factor` is 1.
  mlir::Value scaled(mlir::Value x, double factor);
  /// cap * tanh(x / cap), x if `cap` is 0.
  mlir::Value softcapped(mlir::Value x, double cap);
  mlir::Value activated(Activation activation, mlir::Value x);
  /// (u + 1) * g * sigmoid(alpha * g) with g = min(gate, limit) and u = up
  /// between -limit and limit.
  mlir::Value clampedSwiglu(mlir::Value gate, mlir::Value up, double limit,
                            double alpha);

private:
  mlir::Value splat(double value, mlir::Value like);
  /// x * sigmoid(alpha * x).
  mlir::Value silu(mlir::Value x, double alpha = 1);
  mlir::Value atMost(mlir::Value x, double limit);
  mlir::Value gelu(mlir::Value x, bool tanh);
  mlir::Value relu(mlir::Value x);

  mlir::OpBuilder &b;
  mlir::Location loc;
};

} // namespace mica

#endif // LIB_IMPORT_ROWMATH_H
