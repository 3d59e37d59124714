// The least model at stage 1, by hand: what the module is told for the manifest.
//
// RUN: mica-opt %s -mica-lower-groups | FileCheck %s

!rows = tensor<?x64xf32>
!w = !mica.weight<64x64, f32, #mica.layout<panel = 16, group = 1, granule = 16, align = 16>>
!t = !mica.weight<100x64, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
#x = #mica.buffer<arena = row, offset = 128, stride = 64>

// CHECK:      module attributes
// CHECK-SAME: tile.layers = 3
// CHECK-SAME: tile.phases = ["projection", "embedding", "norm"]
// CHECK-SAME: tile.slots = 1
// CHECK-SAME: tile.weights = [@a, @b, @t]
module attributes {tile.arena = array<i64: 384, 0>, mica.dtype = f32} {
  mica.weight @a : !w
  mica.weight @b : !w
  mica.weight @t : !t

  // CHECK: func.func private @layer_kernels(%[[STEP:.*]]: !tile.step, %[[LAYER:.*]]: index, %[[WORKER:.*]]: index, %[[WORKERS:.*]]: index)
  func.func private @layer(%x: !rows {mica.buffer = #x}, %w: !w) -> !rows {
    // CHECK-DAG: %[[X:.*]] = tile.buffer %[[STEP]], %[[WORKER]] arena row offset 128 : memref<?x64xf32>
    // CHECK-DAG: %[[W:.*]] = tile.weight %[[STEP]], %[[LAYER]] slot 0 : memref<4x64x16x1xf32>
    // CHECK:     tile.phase "projection" id 0(%[[STEP]], %[[WORKER]], %[[WORKERS]])
    // CHECK:     tile.contract %[[X]], %[[W]] columns 64 granule 16 elastic
    %1 = mica.group "linear" phase 0 granule 16 elastic {
      %0 = mica.linear %x, %w : !rows, !w -> !rows
      %2 = arith.addf %0, %x : !rows
      mica.yield %2 : !rows
    } {buffers = [#x]} : !rows
    return %1 : !rows
  }

  // CHECK: func.func @mica_entry({{.*}}) attributes {tile.entry}
  // CHECK: tile.phase "embedding" id 1
  // CHECK: call @layer_kernels(%{{.*}}, %c0{{.*}},
  // CHECK: call @layer_kernels(%{{.*}}, %c1{{.*}},
  // CHECK: tile.phase "norm" id 2
  func.func @step(%batch: !mica.batch) -> !rows {
    %t = mica.get_weight @t : !t
    %x = mica.group "rows" phase 0 {
      %ids = mica.tokens %batch : tensor<?xi32>
      %0 = mica.embedding %ids, %t : tensor<?xi32>, !t -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    %y = mica.stack %x, (), () [
      #mica.layer<@layer, kv = [], shared = [], weights = [@a]>,
      #mica.layer<@layer, kv = [], shared = [], weights = [@b]>] : !rows, (), () -> !rows
    %z = mica.group "rows" phase 1 {
      %0 = mica.output_rows %y, %batch : !rows -> !rows
      mica.yield %0 : !rows
    } {buffers = [#mica.buffer<arena = logits, offset = 0, stride = 64>]} : !rows
    return %z : !rows
  }
}
