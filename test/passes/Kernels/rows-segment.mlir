// The segment of row ops is what all of them need at once.
//
// RUN: mica-opt %s -mica-lower-groups | FileCheck %s

!rows = tensor<?x192xf32>
!half = tensor<?x96xf32>
!angles = tensor<?x1xcomplex<f32>>
!t = !mica.weight<100x192, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
!whole = !mica.weight<96, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
!head = !mica.weight<24, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
#x = #mica.buffer<arena = row, offset = 128, stride = 192>
#y = #mica.buffer<arena = row, offset = 896, stride = 96>
#a = #mica.buffer<arena = row, offset = 1280, stride = 96>

module attributes {tile.arena = array<i64: 1664, 0>, mica.dtype = f32} {
  mica.weight @t : !t
  mica.weight @w : !whole
  mica.weight @h : !head

  func.func private @layer(%x: !rows {mica.buffer = #x}, %a: !angles {mica.buffer = #a}, %w: !whole, %h: !head) -> !rows {
    // Parts that interleave by 32: as many columns of each.
    // CHECK: tile.rows %{{.*}} columns 96 granule 32 captures
    %y = mica.group "rows" phase 0 {
      %0, %1 = mica.split %x {interleave = 32 : i64} : !rows -> !half, !half
      %2 = arith.mulf %0, %1 : !half
      mica.yield %2 : !half
    } {buffers = [#y]} : !half
    // A whole row is reduced in a pass of its own: any segment.
    // CHECK: tile.rows %{{.*}} columns 96 granule 16 captures
    %z = mica.group "rows" phase 1 {
      %0 = mica.rms_norm %y, %w {eps = 1.0e-5 : f32} : !half, !whole
      mica.yield %0 : !half
    } {buffers = [#y]} : !half
    // A reduction over less stays in one segment.
    // CHECK: tile.rows %{{.*}} columns 96 granule 24 captures
    %n = mica.group "rows" phase 2 {
      %0 = mica.rms_norm %z, %h {eps = 1.0e-5 : f32} : !half, !head
      mica.yield %0 : !half
    } {buffers = [#y]} : !half
    // A rotation moves columns, so the whole head, here the row, is one.
    // CHECK: tile.rows %{{.*}} columns 96 granule 96 captures
    %r = mica.group "rows" phase 3 {
      %0 = mica.rope %n, %a {head = 96 : i64} : !half, !angles
      mica.yield %0 : !half
    } {buffers = [#y]} : !half
    return %x : !rows
  }

  func.func @step(%batch: !mica.batch) -> !rows {
    %t = mica.get_weight @t : !t
    %x = mica.group "rows" phase 0 {
      %ids = mica.tokens %batch : tensor<?xi32>
      %0 = mica.embedding %ids, %t : tensor<?xi32>, !t -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    %a = mica.group "rows" phase 0 {
      %p = mica.positions %batch : tensor<?xi32>
      %0 = mica.rope_angles %p {frequencies = array<f32: 1.0>, scale = 1.0 : f32} : tensor<?xi32> -> !angles
      mica.yield %0 : !angles
    } {buffers = [#a]} : !angles
    %y = mica.stack %x, (), (%a) [
      #mica.layer<@layer, kv = [], shared = [0], weights = [@w, @h]>] : !rows, (), (!angles) -> !rows
    return %y : !rows
  }
}
