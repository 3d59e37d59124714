// Layers that keep a state: tasks are sequences times what is independent in
// them, and the region goes over the rows of one.
//
// RUN: mica-opt %s -split-input-file -mica-lower-groups | FileCheck %s

#x = #mica.buffer<arena = row, offset = 128, stride = 48>
!rows = tensor<?x36xf32>
!taps = !mica.weight<3x36, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
!t = !mica.weight<100x36, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
!conv = !mica.state<2x36, f32>

// CHECK:      tile.kv = [{block_bytes = 384 : i64, element = "f32", heads = 1 : i64, key_dim = 2 : i64, layers = 1 : i64, name = "state", page_tokens = 0 : i64, value_dim = 36 : i64, window = 0 : i64}]
// CHECK-SAME: tile.phases = ["scan"
module attributes {tile.arena = array<i64: 384, 0>, mica.dtype = f32} {
  mica.weight @w : !taps
  mica.weight @t : !t

  // CHECK-LABEL: func private @layer_kernels
  // CHECK-SAME:    %[[STEP:.*]]: !tile.step, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %[[PLACE:.*]]: index)
  // CHECK-DAG:     %[[POOL:.*]] = tile.pool %[[STEP]] group 0 : memref<?x1x1x2x48xf32>
  // CHECK-DAG:     %[[SEQS:.*]] = tile.count %[[STEP]] seqs
  // CHECK:         tile.rows %[[SEQS]] columns 48 granule 16 captures(
  // CHECK-SAME:      %[[POOL]]
  // Two rows before are zero in a new sequence, and else what the page holds.
  // CHECK-COUNT-2:   arith.select
  // CHECK:           scf.for {{.*}} iter_args
  // CHECK-COUNT-3:     math.fma
  // CHECK:             tile.store
  // CHECK:             scf.yield
  // CHECK-COUNT-2:   vector.store
  func.func @layer(%x: !rows {mica.buffer = #x}, %s: !conv {mica.kv_group = 0 : i64}, %batch: !mica.batch, %w: !taps) -> (!rows, !conv) {
    %1, %s1 = mica.group "scan" phase 0 {
      %y, %next = mica.short_conv %x, %w, %s, %batch : !rows, !taps, !conv
      mica.yield %y, %next : !rows, !conv
    } {buffers = [#x, unit]} : !rows, !conv
    return %1, %s1 : !rows, !conv
  }

  func.func @step(%batch: !mica.batch, %s: !conv) -> (!rows, !conv) {
    %t = mica.get_weight @t : !t
    %x = mica.group "rows" phase 0 {
      %ids = mica.tokens %batch : tensor<?xi32>
      %0 = mica.embedding %ids, %t : tensor<?xi32>, !t -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    %y, %s1 = mica.stack %x, (%s), (%batch) [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w]>] : !rows, (!conv), (!mica.batch) -> !rows, !conv
    return %y, %s1 : !rows, !conv
  }
}
