// Rows of an odd number of columns end in a zero, which a product of pairs reads
// with the last column.
//
// RUN: mica-opt %s -mica-lower-groups | FileCheck %s

!rows = tensor<?x75xf32>
!pairs = tensor<?x75xbf16>
!w = !mica.weight<75x75, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 2>>
!t = !mica.weight<100x75, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
#x = #mica.buffer<arena = row, offset = 128, stride = 80>
#y = #mica.buffer<arena = row, offset = 512, stride = 80>

module attributes {tile.arena = array<i64: 1024, 0>, mica.dtype = bf16} {
  mica.weight @t : !t
  mica.weight @w : !w

  func.func private @layer(%x: !rows {mica.buffer = #x}, %w: !w) -> !rows {
    // CHECK:      tile.rows
    // CHECK:        tile.store %{{.*}}, %[[Y:.*]][%[[M:.*]], %{{.*}}] along [1]
    // CHECK-NEXT:   %[[ZERO:.*]] = arith.constant 0.0{{.*}} : bf16
    // CHECK-NEXT:   %[[C75:.*]] = arith.constant 75 : index
    // CHECK-NEXT:   memref.store %[[ZERO]], %[[Y]][%[[M]], %[[C75]]] : memref<?x80xbf16>
    %y = mica.group "rows" phase 0 {
      %0 = mica.quantize %x : !rows -> !pairs
      mica.yield %0 : !pairs
    } {buffers = [#y]} : !pairs
    // CHECK:      tile.contract
    // CHECK:        memref.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}] : memref<?x80xf32>
    %z = mica.group "linear" phase 1 granule 16 elastic {
      %0 = mica.linear %y, %w : !pairs, !w -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    return %z : !rows
  }

  func.func @step(%batch: !mica.batch) -> !rows {
    %t = mica.get_weight @t : !t
    %x = mica.group "rows" phase 0 {
      %ids = mica.tokens %batch : tensor<?xi32>
      %0 = mica.embedding %ids, %t : tensor<?xi32>, !t -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    %y = mica.stack %x, (), () [
      #mica.layer<@layer, kv = [], shared = [], weights = [@w]>] : !rows, (), () -> !rows
    return %y : !rows
  }
}
