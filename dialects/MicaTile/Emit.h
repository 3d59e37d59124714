//===- Emit.h - Loops and indices over values -------------------*- C++ -*-===//
//
// What an expansion of a kernel is written with, so that it reads like the
// algorithm: an `Index` with operators, loops that carry values, loads, stores
// and the vector operations of a main loop. Indices are never negative and
// never overflow, and constants fold. Formulas over row segments are in Edsl.h.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_MICATILE_EMIT_H
#define DIALECTS_MICATILE_EMIT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mica::tile {

class Emitter;

/// An index value, at least 0.
struct Index {
  Emitter *emitter = nullptr;
  mlir::Value value;
  operator mlir::Value() const { return value; }
};

Index operator+(Index a, Index b);
Index operator-(Index a, Index b);
Index operator*(Index a, Index b);
Index operator/(Index a, Index b);
Index operator%(Index a, Index b);
Index operator+(Index a, int64_t b);
Index operator-(Index a, int64_t b);
Index operator*(Index a, int64_t b);
Index operator/(Index a, int64_t b);
Index operator%(Index a, int64_t b);
Index ceilDiv(Index a, int64_t b);
Index min(Index a, Index b);
Index max(Index a, Index b);
/// a < b, as i1.
mlir::Value operator<(Index a, Index b);

/// Emits at the insertion point of a builder.
class Emitter {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  using Body = llvm::function_ref<void(Index)>;
  using CarryingBody = llvm::function_ref<Values(Index, mlir::ValueRange)>;

  Emitter(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  Index index(int64_t value);
  Index index(mlir::Value value) { return {this, value}; }
  /// The sign-extended index of an i32.
  Index fromI32(mlir::Value value);
  mlir::Value toI32(Index index);
  /// value >= least, of signed integers, as i1.
  mlir::Value atLeast(mlir::Value value, int64_t least);
  /// Dimension `dim` of `buffer`.
  Index dim(mlir::Value buffer, int64_t dim);

  /// for (i = lo; i < hi; i += step) body(i). A loop of no iteration is left
  /// out and one of a single iteration is its body, where that is known here.
  void forRange(Index lo, Index hi, int64_t step, Body body);
  /// The same with values that the body takes and returns.
  Values forRange(Index lo, Index hi, int64_t step, Values carried,
                  CarryingBody body);
  /// if (condition) body().
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  /// if (condition) yes(); else no().
  void ifThenElse(mlir::Value condition, llvm::function_ref<void()> yes,
                  llvm::function_ref<void()> no);

  /// The zero of `type`.
  mlir::Value zero(mlir::Type type);
  mlir::VectorType f32x(int64_t size);
  mlir::Value f32(double value);
  /// `value` in every element of vector<size x f32>.
  mlir::Value splat(double value, int64_t size);
  /// `bits` in every element of vector<size x i32>.
  mlir::Value splatBits(uint32_t bits, int64_t size);
  /// `value` in every element of `type`, of integers.
  mlir::Value splatOf(int64_t value, mlir::VectorType type);
  /// vector<size x i32> of 0, 1, 2, ….
  mlir::Value iota(int64_t size);
  /// vector<size x T> of the scalar `value`.
  mlir::Value broadcast(mlir::Value value, int64_t size);

  mlir::Value load(mlir::Value buffer, mlir::ArrayRef<Index> at);
  mlir::Value load(mlir::VectorType type, mlir::Value buffer,
                   mlir::ArrayRef<Index> at);
  void store(mlir::Value value, mlir::Value buffer, mlir::ArrayRef<Index> at);
  /// Of a buffer of bytes: `size` elements of `element` that begin at `at`.
  mlir::Value loadBytes(int64_t size, mlir::Type element, mlir::Value buffer,
                        mlir::ArrayRef<Index> at);
  void storeBytes(mlir::Value vector, mlir::Value buffer,
                  mlir::ArrayRef<Index> at);
  /// The row segment of `size` elements from `at`, linear in the dimensions
  /// `along`, as f32; and its store (`tile.load`, `tile.store`).
  mlir::Value loadSegment(int64_t size, mlir::Value buffer,
                          mlir::ArrayRef<Index> at,
                          mlir::ArrayRef<int64_t> along);
  void storeSegment(mlir::Value value, mlir::Value buffer,
                    mlir::ArrayRef<Index> at, mlir::ArrayRef<int64_t> along);
  /// Asks for the line of an element, in the cache of that level.
  void prefetch(mlir::Value buffer, mlir::ArrayRef<Index> at,
                int64_t level = 2);

  /// Of floats or of integers.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value maximum(mlir::Value a, mlir::Value b);
  /// Of floats, as are those that follow: the lesser of two, of a number and a
  /// NaN the number.
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value negate(mlir::Value a);
  mlir::Value absolute(mlir::Value a);
  mlir::Value exp(mlir::Value a);
  /// a < b and a == b, as i1: false if one is a NaN.
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  /// a * b + c, rounded once.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  /// The bits of a vector as a vector of another element type or size.
  mlir::Value bitcast(mlir::Value vector, mlir::Type element);
  mlir::Value shiftLeft(mlir::Value a, mlir::Value b);
  /// Zeros come in from above.
  mlir::Value shiftRight(mlir::Value a, mlir::Value b);
  mlir::Value bitAnd(mlir::Value a, mlir::Value b);
  mlir::Value bitOr(mlir::Value a, mlir::Value b);
  /// Signed or unsigned integers as elements of another width.
  mlir::Value resize(mlir::Value vector, mlir::Type element, bool isSigned);
  /// Signed integers of 32 bits as f32, and f32 as such, to nearest even.
  mlir::Value toFloat(mlir::Value vector);
  mlir::Value toInteger(mlir::Value vector);
  /// The nearest whole number, of two the even one.
  mlir::Value round(mlir::Value vector);
  /// The sum of a vector of integers.
  mlir::Value sum(mlir::Value vector);
  /// The LLVM intrinsic `name`.
  mlir::Value call(llvm::StringRef name, mlir::Type result,
                   mlir::ValueRange operands);
  /// `a` as the wider float `type`.
  mlir::Value extend(mlir::Value a, mlir::Type type);
  /// The vector `a` rounded to elements of the narrower float `element`.
  mlir::Value truncate(mlir::Value a, mlir::Type element);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  Index select(mlir::Value condition, Index a, Index b);
  /// Elements [first, first + size).
  mlir::Value slice(mlir::Value vector, int64_t first, int64_t size);
  /// Elements first, first + step, …: `size` of them.
  mlir::Value strided(mlir::Value vector, int64_t first, int64_t step,
                      int64_t size);
  mlir::Value extract(mlir::Value vector, int64_t at);
  /// These scalars of one type.
  mlir::Value vectorOf(llvm::ArrayRef<mlir::Value> elements);
  /// Vectors of one size, one after the other.
  mlir::Value join(llvm::ArrayRef<mlir::Value> parts);
  /// The sum (or maximum) of all elements, as a balanced tree: always in the
  /// same order.
  mlir::Value reduce(mlir::Value vector, bool isMax);

  /// A buffer of the worker's stack, 64-byte aligned, made once at the entry of
  /// the function.
  mlir::Value scratch(mlir::ArrayRef<int64_t> shape, mlir::Type element);
  /// `buffer`, contiguous and of static shape, as [shape].
  mlir::Value reshape(mlir::Value buffer, mlir::ArrayRef<int64_t> shape);
  /// The operations of the one block of `region`, with `arguments`; returns
  /// what it yields.
  Values inlined(mlir::Region &region, mlir::ValueRange arguments);
};

/// Whether `value` is a multiple of `factor` whatever the step is, as far as
/// its definition tells.
bool isMultipleOf(mlir::Value value, int64_t factor);

} // namespace mica::tile

#endif // DIALECTS_MICATILE_EMIT_H
