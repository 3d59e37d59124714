//===- Passes.td - Stage 1: groups -------------------------*- tablegen -*-===//
//
// In:  mica, arith, math and tensor ops; operands of products in the precision
//      in which they are multiplied.
// Out: every op that computes rows stands in a `mica.group` (one kernel), every
//      group has a phase, every value between groups a buffer of the workspace;
//      weights are read packed only, and each packed weight is a symbol with
//      the function that packs it.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_GROUP_PASSES
#define PASSES_GROUP_PASSES

include "mlir/Pass/PassBase.td"

def MergeLinearsPass : Pass<"mica-merge-linears", "::mlir::ModuleOp"> {
  let summary = "compute gate and up as one interleaved product";
  let description = [{
    Two `mica.linear` (or `mica.grouped_linear` of one choice) of one input whose results meet column by column (gate
    beside up) become one, over a weight whose panels alternate between the two,
    so that both columns lie in one segment of the epilogue.

    Not done if the columns are no multiple of the panel, or if a result is used
    otherwise: reported as a remark.

    Example (`test/passes/Group/merge-linears.mlir`):

    ```mlir
    // Before:
    %g = mica.linear %x, %wg : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %u = mica.linear %x, %wu : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %h = arith.mulf %g, %u : tensor<?x96xf32>

    // After:
    %w = mica.pack %wg, %wu {interleave = 16} : …
    %gu = mica.linear %x, %w : … -> tensor<?x192xf32>
    %g, %u = mica.split %gu {interleave = 16} : tensor<?x192xf32> -> tensor<?x96xf32>, tensor<?x96xf32>
    %h = arith.mulf %g, %u : tensor<?x96xf32>
    ```
  }];
  let dependentDialects = ["::mica::MicaDialect"];
  let statistics = [
    Statistic<"numMerged", "num-merged", "Pairs of linear ops merged">,
  ];
}

def SortChoicesPass : Pass<"mica-sort-choices", "::mlir::ModuleOp"> {
  let summary = "put rows of choices in the order of their experts";
  let description = [{
    Makes one `mica.sort_choices` for each choice of experts, copies the rows of
    products that have none for each choice yet (`mica.dispatch`), and tells
    products and sums where rows of choices lie. An op that reads rows of two
    choices is an error.

    Example (`test/passes/Group/sort-choices.mlir`):

    ```mlir
    // Before:
    %g = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
    %y = mica.combine %h, %p : tensor<?x2x64xf32>, tensor<?x2xf32> -> tensor<?x64xf32>

    // After:
    %place, %source, %parts = mica.sort_choices %e {count = 8 : i64} : …
    %d = mica.dispatch %x, %source : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
    %g = mica.grouped_linear %d, %w, %e by(%source, %parts : …) : … -> tensor<?x2x64xf32>
    %y = mica.combine %h, %p by(%place : tensor<?x2xi32>) : tensor<?x2x64xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
    ```
  }];
  let dependentDialects = ["::mica::MicaDialect"];
  let statistics = [
    Statistic<"numSorted", "num-sorted", "Choices of experts that are sorted">,
  ];
}

def FormGroupsPass : Pass<"mica-form-groups", "::mlir::ModuleOp"> {
  let summary = "gather ops into kernels, and kernels into phases";
  let description = [{
    Each `mica.linear` and `mica.attention` takes in the row ops that follow it
    as its epilogue while what they need of a row lies in one segment of at most
    the target's `max_granule` columns and their other operands are there before
    it. `mica.kv_append` is first divided into its two writes. Row ops that are
    left form groups of their own along chains of one row size. An op that has no
    kernel (`mica.topk`, `mica.logits_mask`, `mica.skip`) is a group of kind
    "reference": one worker runs the loops of its reference, which a remark says
    and `--no-fallback` refuses. Ops that have no such loops either are refused.

    Groups are then numbered by phases: a group begins a new phase if it reads
    what a group of the current phase makes.

    Example (`test/passes/Group/form-groups.mlir`):

    ```mlir
    // Before:
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %1 = arith.addf %0, %x : tensor<?x64xf32>

    // After:
    %1 = mica.group "linear" phase 0 {
      %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
      %2 = arith.addf %0, %x : tensor<?x64xf32>
      mica.yield %2 : tensor<?x64xf32>
    } : tensor<?x64xf32>
    ```
  }];
  let dependentDialects = [
    "::mica::MicaDialect", "::mlir::arith::ArithDialect",
    "::mlir::tensor::TensorDialect"];
  let statistics = [
    Statistic<"numGroups", "num-groups", "Groups formed">,
  ];
}

def ChooseLayoutsPass : Pass<"mica-choose-layouts", "::mlir::ModuleOp"> {
  let summary = "give every weight the layout that its reader wants";
  let description = [{
    Puts a `mica.pack` before every use of a weight: panels of the target for a
    product, with its epilogue's granule; plain f32 vectors for norms and biases;
    rows for a table that is only looked up. A table that is also multiplied
    (tied embeddings) is packed once, for the product. The element type is
    `mica.dtype` of the module, f32 for vectors.
  }];
  let dependentDialects = ["::mica::MicaDialect"];
}

def HoistPacksPass : Pass<"mica-hoist-packs", "::mlir::ModuleOp"> {
  let summary = "make every packed weight a symbol";
  let description = [{
    Moves each distinct `mica.pack` into a function of its own (attribute
    `mica.pack_function`), turns the arguments of layer functions into the packed
    weights that they read, and adds a packed `mica.weight` for each layer of a
    stack: what remains to be done while compiling is to run those functions.
  }];
  let dependentDialects = ["::mica::MicaDialect", "::mlir::func::FuncDialect"];
}

def MergeLayersPass : Pass<"mica-merge-layers", "::mlir::ModuleOp"> {
  let summary = "compile equal layer functions once";
  let description = [{
    Layers whose weights are stored in different formats have functions of their
    own until their weights are packed; those that are equal after that become
    one.
  }];
  let dependentDialects = ["::mica::MicaDialect"];
  let statistics = [
    Statistic<"numMerged", "num-merged", "Layer functions removed">,
  ];
}

def PlanWorkspacePass : Pass<"mica-plan-workspace", "::mlir::ModuleOp"> {
  let summary = "give every value between groups a place in an arena";
  let description = [{
    A result of a group lives from its phase to the phase of its last reader;
    results that live at one time get distinct places. Sizes are per row, output
    row or worker (`#mica.buffer`). A layer's input and output rows share one
    buffer; a layer that could not write its output there would be an error of
    this pass. The bytes needed go to `tile.arena` of the module.
  }];
  let dependentDialects = ["::mica::MicaDialect"];
}

def LowerPackingPass : Pass<"mica-lower-packing", "::mlir::ModuleOp"> {
  let summary = "turn pack functions into host code";
  let description = [{
    A function with the attribute `mica.pack_function` packs its arguments in
    order by one `mica.pack`. It becomes code that runs while compiling, as
    `lib/Pack` calls it, in C:

    ```
    void fetch(void *context, int64_t source, int64_t row, float *to);
    void pack(fetch *, void *context, float *scratch, void *out,
              int64_t first, int64_t count);
    ```

    It packs `count` panels from panel `first` on and writes them, with their
    padding, from `out` on. It calls `fetch` for each row that it needs, for K
    f32 numbers, and the numbers past a row's end do not matter; `scratch` holds
    [panel][padded K]. A weight without a layout has panels of one row and no
    padding. A vector ignores `first` and `count`, fetches row 0 (all elements)
    of each source into scratch [N], and is stored with zeros up to a multiple
    of the layout's `align`.

    The code's bits are equal on every CPU: no fast-math flags, and bf16 is
    rounded in integers.

    Example (`test/passes/Group/lower-packing.mlir`):

    ```mlir
    // Before:
    func.func @vector(%a: !mica.weight<10, bf16>) -> !mica.weight<10, f32, #vector>
        attributes {mica.pack_function} {
      %p = mica.pack %a {offset = 1.0 : f32} : (!mica.weight<10, bf16>) -> !mica.weight<10, f32, #vector>
      return %p : !mica.weight<10, f32, #vector>
    }

    // After:
    func.func @vector(%fetch: !llvm.ptr, %context: !llvm.ptr, %scratch: !llvm.ptr, %out: !llvm.ptr, %first: i64, %count: i64) attributes {mica.pack_function} {
      llvm.call %fetch(%context, %source, %row, %scratch) : !llvm.ptr, (!llvm.ptr, i64, i64, !llvm.ptr) -> ()
      scf.for … {
        … = arith.addf …
        llvm.store …
      }
      return
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Pack functions lowered">,
  ];
}

#endif // PASSES_GROUP_PASSES
