// Elements one by one from where the order says. No segment reaches beyond the
// order: 9 columns of 63 at a time.
//
// RUN: mica-opt %s -mica-lower-groups | FileCheck %s

!rows = tensor<?x63xf32>
!t = !mica.weight<100x63, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
!order = !mica.weight<63, i32, #mica.layout<panel = 1, group = 1, granule = 1, align = 1>>
#x = #mica.buffer<arena = row, offset = 128, stride = 64>
#y = #mica.buffer<arena = row, offset = 384, stride = 64>

module attributes {tile.arena = array<i64: 640, 0>, mica.dtype = f32} {
  mica.weight @t : !t
  mica.weight @o : !order

  func.func private @layer(%x: !rows {mica.buffer = #x}, %order: !order) -> !rows {
    // CHECK-LABEL: func private @layer_kernels
    // CHECK: tile.rows %{{.*}} columns 63 granule 9 captures({{.*}}) apply {
    // CHECK: ^bb0(%[[M:.*]]: index, %[[N:.*]]: index, %[[ORDER:.*]]: memref<63xi32>, %[[X:.*]]: memref<?x64xf32>, %[[Y:.*]]: memref<?x64xf32>):
    // CHECK:   %[[WHICH:.*]] = memref.load %[[ORDER]][%[[N]]]
    // CHECK:   %[[AT:.*]] = arith.index_cast %[[WHICH]]
    // CHECK:   %[[E:.*]] = memref.load %[[X]][%[[M]], %[[AT]]]
    // CHECK-COUNT-8: memref.load %[[X]]
    // CHECK:   %[[ALL:.*]] = vector.from_elements %[[E]], {{.*}} : vector<9xf32>
    // CHECK:   tile.store %[[ALL]], %[[Y]][%[[M]], %[[N]]] along [1]
    %y = mica.group "rows" phase 0 {
      %0 = mica.permute_columns %x, %order : !rows, !order
      mica.yield %0 : !rows
    } {buffers = [#y]} : !rows
    return %y : !rows
  }

  func.func @step(%batch: !mica.batch) -> !rows {
    %t = mica.get_weight @t : !t
    %x = mica.group "rows" phase 0 {
      %ids = mica.tokens %batch : tensor<?xi32>
      %0 = mica.embedding %ids, %t : tensor<?xi32>, !t -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    %y = mica.stack %x, (), () [#mica.layer<@layer, kv = [], shared = [], weights = [@o]>] : !rows, (), () -> !rows
    return %y : !rows
  }
}
