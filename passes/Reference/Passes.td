//===- Passes.td - The reference: naive loops --------------*- tablegen -*-===//
//
// In:  stage 0 (mica, arith, math and tensor ops), or stage 1 before its
//      workspace is planned.
// Out: func, scf, memref, arith and math: the meaning of every op as loops, in
//      f64, one after the other. An oracle, never a way to run a model.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_REFERENCE_PASSES
#define PASSES_REFERENCE_PASSES

include "mlir/Pass/PassBase.td"

def ReferencePass : Pass<"mica-reference", "::mlir::ModuleOp"> {
  let summary = "lower mica to naive loops, the meaning of every op";
  let description = [{
    Every op becomes loops over its documented formula. Sums and formulas are
    computed in f64 and rounded once, to the element type of the result, so that
    the error of the path under test is seen and not that of the oracle.
    Elementwise arith and math ops are computed in their own type.

    Values become buffers; dimensions as in `docs/architecture.md`, L the layers
    of a cache group, C the capacity of a sequence's cache:

    | value | arguments |
    |---|---|
    | `tensor<...>` | one memref of the same shape, row-major |
    | `!mica.batch` | token [T], position [T], row_start [S + 1], out_row [R], length [S], all `memref<?xi32>` as in `include/mica/abi.h`; length counts this step's rows |
    | `!mica.kv` | keys `memref<?x?x?xHxD>` [L, S, C, heads, width], values alike, the layer's index; row m of sequence s has place `length[s] - row_start[s + 1] + m` |
    | `!mica.state` | `memref<?x?x...xf64>` [L, S, ...], the layer's index |
    | `!mica.weight` | its logical contents [N, K], row-major and without layout, in the element type; f32 for a block format, decoded by the caller |

    Caches and states are updated in place, which their linearity allows; `C` must be at
    least the length of every sequence (no ring). A buffer that a function makes
    and does not return is freed when it returns.

    A `mica.weight` becomes a global: a constant if it has the attribute
    `mica.value` (the literal contents), otherwise an uninitialised
    `memref<memref<...>>` whose symbol the caller looks up and fills with the
    descriptor of the contents. A weight that is packed by a function is packed
    where it is read.

    With `capture`, every f32 result of two dimensions that depends on a tensor
    is passed, with its number in order of the module, to the external function
    `mica_capture(i64, memref<?x?xf32>)`.

    Example (`test/passes/Reference/reference.mlir`):

    ```mlir
    // Before:
    func.func @split(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
      %a, %b = mica.split %x {interleave = 1 : i64} : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xf32>
      return %a, %b : tensor<?x2xf32>, tensor<?x2xf32>
    }

    // After:
    func.func @split(%x: memref<?x4xf32>) -> (memref<?x2xf32>, memref<?x2xf32>) {
      %T = memref.dim %x, %c0 : memref<?x4xf32>
      %a = memref.alloc(%T) : memref<?x2xf32>
      scf.for %m = %c0 to %T step %c1 { ... }
    ```
  }];
  let options = [
    Option<"capture", "capture", "bool", "false",
           "Pass every result to `mica_capture`">,
  ];
  let dependentDialects = [
    "::mica::MicaDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
}

#endif // PASSES_REFERENCE_PASSES
