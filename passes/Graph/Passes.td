//===- Passes.td - Stage 0: the graph ----------------------*- tablegen -*-===//
//
// In:  mica, arith, math and tensor ops as imported; weights in the format of
//      the checkpoint; activations in f32.
// Out: the same ops; every operand of a product in the precision in which the
//      target multiplies it; ops that make rows have names.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_GRAPH_PASSES
#define PASSES_GRAPH_PASSES

include "mlir/Pass/PassBase.td"

def AbsorbLatentPass : Pass<"mica-absorb-latent", "::mlir::ModuleOp"> {
  let summary = "attend over latents without making keys and values";
  let description = [{
    `mica.latent_attention` becomes its absorbed form: the weight of the keys
    multiplies the queries instead, an ordinary `mica.attention` of all heads over
    the one head of the cache sums latents, and the weight of the values
    multiplies those sums. Every step reads a latent instead of the keys and
    values of all heads; each pair of a row and a key costs more operations.

    Example (`test/passes/Graph/absorb-latent.mlir`):

    ```mlir
    // Before:
    %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, bf16>, !mica.weight<4x6x16, bf16> -> tensor<?x24xf32>

    // After:
    %l = mica.head_linear %q, %uk : tensor<?x48xf32>, !mica.weight<4x16x8, bf16> -> tensor<?x80xf32>
    %s = mica.attention %l, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x80xf32>, !kv -> tensor<?x64xf32>
    %o = mica.head_linear %s, %uv : tensor<?x64xf32>, !mica.weight<4x6x16, bf16> -> tensor<?x24xf32>
    ```
  }];
  let dependentDialects = ["::mica::MicaDialect"];
}

def NameOpsPass : Pass<"mica-name-ops", "::mlir::ModuleOp"> {
  let summary = "name every op that makes rows of rows";
  let description = [{
    Gives ops `mica.name`, by which `mica diff` finds the rows that they compute
    in what they became: the weight that the op reads, without its layer, or
    else the op's mnemonic; `#2` and so on tell equal words of a function apart.
    Names depend on the function's text alone.

    Example (`test/passes/Graph/name-ops.mlir`):

    ```mlir
    // Before:
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, f32> -> tensor<?x64xf32>
    %z = arith.addf %x, %y : tensor<?x64xf32>

    // After:
    %y = mica.linear %x, %w {mica.name = "down"} : tensor<?x64xf32>, !mica.weight<64x64, f32> -> tensor<?x64xf32>
    %z = arith.addf %x, %y {mica.name = "add"} : tensor<?x64xf32>
    ```
  }];
  let dependentDialects = ["::mica::MicaDialect"];
}

def QuantizeActivationsPass
    : Pass<"mica-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "round activations to the type that the target multiplies";
  let description = [{
    Rows that meet a weight of a block format are rounded to i8 in groups of 32
    columns first, by a `mica.quantize`, if the format allows for products of
    integers. Where the target multiplies pairs of the model's type (`mica.dtype`
    of the module) directly, the inputs of other `mica.linear`, and of
    `mica.attention` over a cache of that type, are rounded to it; elsewhere
    activations stay f32. `mica.activations` of the module (i8, bf16 or f32) takes
    precedence for `mica.linear`. Consumers of one value share its
    `mica.quantize`.

    Example (`test/passes/Graph/quantize-activations.mlir`):

    ```mlir
    // Before:
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>

    // After:
    %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xbf16>
    %y = mica.linear %q, %w : tensor<?x64xbf16>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    ```
  }];
  let dependentDialects = ["::mica::MicaDialect"];
  let statistics = [
    Statistic<"numQuantized", "num-quantized", "Activations rounded">,
  ];
}

#endif // PASSES_GRAPH_PASSES
