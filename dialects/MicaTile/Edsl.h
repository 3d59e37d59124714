//===- Edsl.h - Formulas over values ----------------------------*- C++ -*-===//
//
// A thin layer over `Value` in which kernels read like the algorithm. A `Row`
// is a vector<Gxf32> (one row segment), a `Scalar` an f32, an `Index` an index;
// each carries the builder that it was made with. `RowBuilder` decides what a
// reduction over a row means where the formula stands.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_MICATILE_EDSL_H
#define DIALECTS_MICATILE_EDSL_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mica::tile {

class RowBuilder;

/// One f32.
struct Scalar {
  RowBuilder *builder = nullptr;
  mlir::Value value;
};

/// A row segment: vector<Gxf32>.
struct Row {
  RowBuilder *builder = nullptr;
  mlir::Value value;
  /// Columns of the segment.
  int64_t size() const;
  /// Columns [first, first + count).
  Row slice(int64_t first, int64_t count) const;
  /// Columns first, first + step, first + 2 step, … below `size()`.
  Row strided(int64_t first, int64_t step) const;
};

Row operator+(Row a, Row b);
Row operator-(Row a, Row b);
Row operator*(Row a, Row b);
Row operator*(Row a, Scalar b);
Row operator+(Row a, Scalar b);
Row operator-(Row a, Scalar b);
Row operator*(Row a, double b);
Row operator+(Row a, double b);
Scalar operator+(Scalar a, Scalar b);
Scalar operator-(Scalar a, Scalar b);
Scalar operator*(Scalar a, Scalar b);
Scalar operator*(Scalar a, double b);
Scalar operator+(Scalar a, double b);
/// 1 / sqrt(a), correctly rounded operations.
Scalar rsqrt(Scalar a);
/// The natural logarithm.
Scalar log(Scalar a);
Row cos(Row a);
Row sin(Row a);
/// Segments one after the other.
Row join(llvm::ArrayRef<Row> parts);
/// Columns of `a` and `b` alternating: a0 b0 a1 b1 …
Row interleave(Row a, Row b);
/// The sum over the row (not only the segment) that `a` is part of, in columns
/// of the row; what it costs depends on where the formula stands.
Scalar sum(Row a);
Scalar max(Row a);

/// Where a formula is emitted: at one (m, n), with n the first column.
class RowBuilder {
public:
  RowBuilder(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}
  virtual ~RowBuilder() = default;

  mlir::OpBuilder &b;
  mlir::Location loc;

  Row row(mlir::Value vector) { return {this, vector}; }
  Scalar scalar(mlir::Value f32) { return {this, f32}; }
  Scalar constant(double value);
  Row splat(double value, int64_t size);
  /// One column for each of `values`.
  Row table(llvm::ArrayRef<float> values);
  /// A signed integer as f32.
  Scalar fromInteger(mlir::Value value);

  /// Reduces over the row; `isMax` or a sum.
  virtual Scalar reduce(Row a, bool isMax) = 0;
  /// The columns of the whole row a reduction spans.
  virtual int64_t rowSize() = 0;
  /// The segment, `size` columns at the formula's own columns, of a vector
  /// weight of `period` elements that repeats along the row.
  virtual Row loadVector(mlir::Value weight, int64_t period, int64_t size) = 0;
  /// (position of the row + first) / interval, rounded down.
  virtual Scalar loadPosition(int64_t first, int64_t interval) = 0;
  /// The cosines (`which` 0) or sines (1) of the row: `pairs` of them.
  virtual Row loadAngles(mlir::Value angles, int which, int64_t pairs) = 0;
};

} // namespace mica::tile

#endif // DIALECTS_MICATILE_EDSL_H
