//===- Loops.h - Naive loops and scalar arithmetic --------------*- C++ -*-===//
//
// What the reference is written in. Numbers are f64, whatever the buffers hold
// (f32 where its loops are part of compiled code); nothing is shared with the
// builders of the fast path.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_REFERENCE_LOOPS_H
#define PASSES_REFERENCE_LOOPS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mica::reference {

using mlir::Value;

class Loops {
public:
  Loops(mlir::OpBuilder &builder, mlir::Location loc)
      : Loops(builder, loc, builder.getF64Type()) {}
  /// Numbers are of the float type `real`.
  Loops(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type real)
      : b(builder), loc(loc), real(real) {}

  Value index(int64_t value);
  /// An f64.
  Value number(double value);
  /// The size of one dimension of a buffer, an index.
  Value size(Value buffer, int64_t dim);

  /// A new buffer. `sizes` has one size for every dimension; those that the
  /// type knows are ignored.
  Value alloc(mlir::Type type, llvm::ArrayRef<Value> sizes);
  /// A new buffer of `type` with as many rows (dimension 0) as `like`.
  Value allocRows(mlir::Type type, Value like);

  /// An element, as f64 or, of an integer buffer, as an index.
  Value load(Value buffer, llvm::ArrayRef<Value> at);
  /// Stores an f64, rounded to f32 and then to the buffer's element type.
  void store(Value number, Value buffer, llvm::ArrayRef<Value> at);
  /// Stores an index to a buffer of integers.
  void storeIndex(Value index, Value buffer, llvm::ArrayRef<Value> at);

  /// for i in [lo, hi): body(i).
  void forRange(Value lo, Value hi, llvm::function_ref<void(Value)> body);
  /// Nested loops over [0, size) for every size.
  void forEach(llvm::ArrayRef<Value> sizes,
               llvm::function_ref<void(llvm::ArrayRef<Value>)> body);
  /// Loops over all elements of a buffer.
  void forElements(Value buffer,
                   llvm::function_ref<void(llvm::ArrayRef<Value>)> body);
  /// The last of `init`, step(i, previous), ... for i in [lo, hi).
  Value fold(Value lo, Value hi, Value init,
             llvm::function_ref<Value(Value, Value)> step);
  /// The f64 sum of term(i) for i in [lo, hi), in that order.
  Value sum(Value lo, Value hi, llvm::function_ref<Value(Value)> term);

  /// Arithmetic on f64 or on indices, by the type of `x`. Indices divide as
  /// natural numbers.
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y);
  Value rem(Value x, Value y);
  Value max(Value x, Value y);
  /// Of indices.
  Value min(Value x, Value y);
  /// An index, signed, as a number.
  Value toNumber(Value index);

  /// x < y and x == y, of numbers (false of NaN) or of signed indices, as i1.
  Value less(Value x, Value y);
  Value equal(Value x, Value y);
  /// Of i1.
  Value both(Value x, Value y);
  Value either(Value x, Value y);
  Value select(Value condition, Value x, Value y);
  /// if (condition) body().
  void ifThen(Value condition, llvm::function_ref<void()> body);

  /// The f64 `x` rounded to `type`, and to f32, as an f64.
  Value roundTo(mlir::Type type, Value x);
  Value roundToF32(Value x);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type real;
};

} // namespace mica::reference

#endif // PASSES_REFERENCE_LOOPS_H
