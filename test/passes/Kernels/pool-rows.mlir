// RUN: mica-opt %s -mica-graph -mica-group -mica-kernels | FileCheck %s

// A model without logits: the mean of a sequence's rows, and its length, in one
// kernel over output rows.
module attributes {mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>,
    mica.dtype = f32, mica.model = {vocab = 16 : i64, padded_vocab = 16 : i64, embedding_width = 32 : i64}} {
mica.weight @w : !mica.weight<32x32, f32> from [#mica.source<file = 0, tensor = "w", first = 0, rows = 32, transposed = false, permuted = 0>]
mica.weight @table : !mica.weight<16x32, f32> from [#mica.source<file = 0, tensor = "t", first = 0, rows = 16, transposed = false, permuted = 0>]

func.func private @layer(%x: tensor<?x32xf32>, %w: !mica.weight<32x32, f32>) -> tensor<?x32xf32> {
  %y = mica.linear %x, %w : tensor<?x32xf32>, !mica.weight<32x32, f32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: func @mica_entry
// CHECK:         %[[OUTS:.*]] = tile.count %{{.*}} outs
// CHECK:         call @layer_kernels
// CHECK:         tile.rows %[[OUTS]] columns 32
// CHECK:           scf.for
func.func @step(%batch: !mica.batch) -> tensor<?x32xf32> {
  %table = mica.get_weight @table : !mica.weight<16x32, f32>
  %ids = mica.tokens %batch : tensor<?xi32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<16x32, f32> -> tensor<?x32xf32>
  %y = mica.stack %x, (), () [#mica.layer<@layer, kv = [], shared = [], weights = [@w]>] : tensor<?x32xf32>, (), () -> tensor<?x32xf32>
  %rows = mica.pool_rows %y, %batch {kind = #mica.pooling<mean>} : tensor<?x32xf32> -> tensor<?x32xf32>
  %unit = mica.rms_norm %rows {eps = 1.0e-26 : f32} : tensor<?x32xf32>
  return %unit : tensor<?x32xf32>
}
}
