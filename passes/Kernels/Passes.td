//===- Passes.td - Stage 2: kernels ------------------------*- tablegen -*-===//
//
// In:  groups with phases and buffers; packed weights by symbol.
// Out: `@mica_entry` and one function for each distinct layer, of tile.phase
//      operations over memrefs; the tables of the manifest as attributes of the
//      module (`tile.*`). Nothing is left of tensors.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_KERNELS_PASSES
#define PASSES_KERNELS_PASSES

include "mlir/Pass/PassBase.td"

def LowerGroupsPass : Pass<"mica-lower-groups", "::mlir::ModuleOp"> {
  let summary = "turn groups into tile operations";
  let description = [{
    Groups of one phase become one `tile.phase`; a group becomes

    - `tile.contract`, its epilogue a region over one segment (`LowerLinear.cpp`);
    - `tile.attend`, with bounds, score and output regions
      (`LowerAttention.cpp`);
    - `tile.rows`, one `stats` region for each reduction over a whole row
      (`LowerRows.cpp`).

    `@step` becomes `@mica_entry`, which first plans the step (`LowerPlan.cpp`:
    the index of every row in its cache, the tasks of attention) and calls the
    layers in order. The module gets `tile.slots`, `tile.layers`,
    `tile.weights`, `tile.kv`, `tile.phases`, `tile.work`.

    Example (`test/passes/Kernels/lower-groups.mlir`):

    ```mlir
    // Before:
    %1 = mica.group "linear" phase 0 granule 16 elastic {
      %0 = mica.linear %x, %w : !rows, !w -> !rows
      %2 = arith.addf %0, %x : !rows
      mica.yield %2 : !rows
    } {buffers = [#x]} : !rows

    // After:
    tile.phase "linear" id 1(%step, %worker, %workers) {
      tile.contract %x, %w columns 64 granule 16 elastic captures(%x, %y : …) {
      ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %a: …, %b: …):
        %r = tile.load %a[%m, %n] along [1] : memref<?x64xf32>, vector<16xf32>
        %s = arith.addf %acc, %r : vector<16xf32>
        tile.store %s, %b[%m, %n] along [1] : vector<16xf32>, memref<?x64xf32>
      }
    }
    ```
  }];
  let dependentDialects = [
    "::mica::tile::TileDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif // PASSES_KERNELS_PASSES
