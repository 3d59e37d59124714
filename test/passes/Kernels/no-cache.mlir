// RUN: mica-opt %s -mica-graph -mica-group -mica-kernels | FileCheck %s

// Layers without a cache: nothing of one is read, and there is no plan.
module attributes {mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>,
    mica.dtype = f32, mica.model = {vocab = 16 : i64, padded_vocab = 16 : i64}} {
mica.weight @w : !mica.weight<32x32, f32> from [#mica.source<file = 0, tensor = "w", first = 0, rows = 32, transposed = false, permuted = 0>]
mica.weight @table : !mica.weight<16x32, f32> from [#mica.source<file = 0, tensor = "t", first = 0, rows = 16, transposed = false, permuted = 0>]

func.func private @layer(%x: tensor<?x32xf32>, %w: !mica.weight<32x32, f32>) -> tensor<?x32xf32> {
  %y = mica.linear %x, %w : tensor<?x32xf32>, !mica.weight<32x32, f32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: func @mica_entry
// CHECK-NOT:     tile.kv_table
// CHECK:         call @layer_kernels
func.func @step(%batch: !mica.batch) -> tensor<?x16xf32> {
  %table = mica.get_weight @table : !mica.weight<16x32, f32>
  %ids = mica.tokens %batch : tensor<?xi32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<16x32, f32> -> tensor<?x32xf32>
  %y = mica.stack %x, (), () [#mica.layer<@layer, kv = [], shared = [], weights = [@w]>] : tensor<?x32xf32>, (), () -> tensor<?x32xf32>
  %rows = mica.output_rows %y, %batch : tensor<?x32xf32> -> tensor<?x32xf32>
  %logits = mica.linear %rows, %table : tensor<?x32xf32>, !mica.weight<16x32, f32> -> tensor<?x16xf32>
  return %logits : tensor<?x16xf32>
}
}
