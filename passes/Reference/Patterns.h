//===- Patterns.h - The reference, one file per group of ops ----*- C++ -*-===//

#ifndef PASSES_REFERENCE_PATTERNS_H
#define PASSES_REFERENCE_PATTERNS_H

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/DialectConversion.h"
#include "passes/Reference/Loops.h"

namespace mica::reference {

/// The buffers of a `!mica.batch`, each `memref<?xi32>`.
struct Batch {
  explicit Batch(mlir::ValueRange v)
      : token(v[0]), position(v[1]), rowStart(v[2]), outRow(v[3]),
        length(v[4]) {}
  Value token, position; // [T]
  Value rowStart;        // [S + 1]
  Value outRow;          // [R]
  Value length;          // [S] this step's rows included
};

/// The buffers of a `!mica.kv` and the layer's index in its group.
struct Cache {
  explicit Cache(mlir::ValueRange v) : key(v[0]), value(v[1]), layer(v[2]) {}
  Value key;   // [L, S, C, heads, key width]
  Value value; // [L, S, C, heads, value width]
  Value layer; // index
};

/// The buffer of a `!mica.state` and the layer's index in its group.
struct State {
  explicit State(mlir::ValueRange v) : buffer(v[0]), layer(v[1]) {}
  Value buffer; // [L, S, ...]
  Value layer;  // index
};

/// Calls body(s, m, p) for every row m of every sequence s; p is the row's
/// place in its sequence's cache.
void forRows(Loops &loops, const Batch &batch,
             llvm::function_ref<void(Value s, Value m, Value p)> body);

/// Emits the loops of `op`, one that `runsAsLoops`: from the buffers that
/// `bufferOf` has for its operands to those of its `results`.
void emitRowLoops(Loops &loops, mlir::Operation *op,
                  llvm::function_ref<Value(Value)> bufferOf,
                  mlir::ValueRange results);

/// Stores row `m` of `rows`, the keys (or the `values`) of all heads, as token
/// `p` of sequence `s`, rounded to what a cache of type `kv` can say. They are
/// the columns from `first` on of each head.
void storeToken(Loops &loops, Value rows, Value m, Value cache, Value layer,
                KVType kv, bool values, Value s, Value p, int64_t first = 0);

/// Replaces one op by its loops.
template <typename OpTy> using Lowering = mlir::OpConversionPattern<OpTy>;

void populateTokens(mlir::TypeConverter &converter,
                    mlir::RewritePatternSet &patterns);
void populateNorms(mlir::TypeConverter &converter,
                   mlir::RewritePatternSet &patterns);
void populateLinear(mlir::TypeConverter &converter,
                    mlir::RewritePatternSet &patterns);
void populatePosition(mlir::TypeConverter &converter,
                      mlir::RewritePatternSet &patterns);
void populateAttention(mlir::TypeConverter &converter,
                       mlir::RewritePatternSet &patterns);
void populateCacheOps(mlir::TypeConverter &converter,
                      mlir::RewritePatternSet &patterns);
void populateTokenSets(mlir::TypeConverter &converter,
                       mlir::RewritePatternSet &patterns);
void populateRowLoops(mlir::TypeConverter &converter,
                      mlir::RewritePatternSet &patterns);
void populateExperts(mlir::TypeConverter &converter,
                     mlir::RewritePatternSet &patterns);
void populateLatent(mlir::TypeConverter &converter,
                    mlir::RewritePatternSet &patterns);
void populateRecurrent(mlir::TypeConverter &converter,
                       mlir::RewritePatternSet &patterns);
void populateElementwise(mlir::TypeConverter &converter,
                         mlir::RewritePatternSet &patterns);
void populateModel(mlir::TypeConverter &converter,
                   mlir::RewritePatternSet &patterns);

/// Inlines every `mica.group`: what one kernel computes is its ops in order.
void inlineGroups(mlir::ModuleOp module);

/// Passes every f32 result of two dimensions that depends on a tensor to
/// `mica_capture`, with its number. Returns the results by number.
llvm::SmallVector<mlir::OpResult> captureResults(mlir::ModuleOp module);

} // namespace mica::reference

#endif // PASSES_REFERENCE_PATTERNS_H
