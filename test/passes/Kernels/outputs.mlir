// Where phases leave the rows of named ops: `tile.outputs` and `tile.stack`.
//
// RUN: mica-opt %s -mica-lower-groups | FileCheck %s

!rows = tensor<?x64xf32>
!w = !mica.weight<64x64, f32, #mica.layout<panel = 16, group = 1, granule = 16, align = 16>>
!t = !mica.weight<100x64, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
!kv = !mica.kv<heads = 2, key = 32, value = 32, element = bf16, page = 32, window = 0>
#x = #mica.buffer<arena = row, offset = 128, stride = 64>
#q = #mica.buffer<arena = row, offset = 384, stride = 64>

// CHECK:      tile.outputs = [

// Of rows that are stored rounded as well, the unrounded ones.
// CHECK-SAME: {arena = "row", columns = 64 : i64, element = "f32", function = "layer",
// CHECK-SAME:  names = ["o", "add"], offset = 128 : i64, op = "add", phase = 0 : i64, role = "layer", stride = 64 : i64}

// What goes to the cache is read there: the offset is its group.
// CHECK-SAME: {arena = "keys", columns = 64 : i64, element = "bf16", function = "layer",
// CHECK-SAME:  names = ["k"], offset = 0 : i64, op = "k", phase = 0 : i64, stride = 64 : i64}
// CHECK-SAME: {arena = "values", {{[^{]*}} op = "v", phase = 0

// Rows that are only stored rounded have the name of what was rounded.
// CHECK-SAME: {arena = "row", {{[^{]*}}element = "bf16", function = "step",{{[^{]*}} op = "norm"
// CHECK-SAME: {arena = "logits", {{[^{]*}} op = "out", {{[^{]*}} role = "logits"
// CHECK-SAME: tile.stack = [{function = "layer", kv = [0], kv_layer = [0]},
// CHECK-SAME:               {function = "layer", kv = [0], kv_layer = [1]}]
module attributes {tile.arena = array<i64: 512, 0>, mica.dtype = f32} {
  mica.weight @a : !w
  mica.weight @t : !t

  func.func private @layer(%x: !rows {mica.buffer = #x}, %kv: !kv {mica.kv_group = 0 : i64}, %batch: !mica.batch, %w: !w) -> (!rows, !kv) {
    %1:2 = mica.group "linear" phase 0 granule 32 {
      %0 = mica.linear %x, %w {mica.name = "o"} : !rows, !w -> !rows
      %2 = arith.addf %0, %x {mica.name = "add"} : !rows
      %3 = mica.quantize %2 : !rows -> tensor<?x64xbf16>
      mica.yield %2, %3 : !rows, tensor<?x64xbf16>
    } {buffers = [#x, #q]} : !rows, tensor<?x64xbf16>
    %4 = mica.group "linear" phase 0 granule 32 {
      %0 = mica.linear %x, %w {mica.name = "k"} : !rows, !w -> !rows
      %2 = mica.kv_write %kv, %0, %batch : !kv, !rows
      mica.yield %2 : !kv
    } {buffers = [unit]} : !kv
    %5 = mica.group "linear" phase 0 granule 32 {
      %0 = mica.linear %x, %w {mica.name = "v"} : !rows, !w -> !rows
      %2 = mica.kv_write %4, %0, %batch value : !kv, !rows
      mica.yield %2 : !kv
    } {buffers = [unit]} : !kv
    return %1#0, %5 : !rows, !kv
  }

  func.func @step(%batch: !mica.batch, %kv: !kv) -> (!rows, !kv) {
    %t = mica.get_weight @t : !t
    %x = mica.group "rows" phase 0 {
      %ids = mica.tokens %batch : tensor<?xi32>
      %0 = mica.embedding %ids, %t : tensor<?xi32>, !t -> !rows
      mica.yield %0 : !rows
    } {buffers = [#x]} : !rows
    %y:2 = mica.stack %x, (%kv), (%batch) [
      #mica.layer<@layer, kv = [0], shared = [0], weights = [@a]>,
      #mica.layer<@layer, kv = [0], shared = [0], weights = [@a]>] : !rows, (!kv), (!mica.batch) -> !rows, !kv
    %q = mica.group "rows" phase 1 {
      %0 = arith.mulf %y#0, %y#0 {mica.name = "norm"} : !rows
      %1 = mica.quantize %0 : !rows -> tensor<?x64xbf16>
      mica.yield %1 : tensor<?x64xbf16>
    } {buffers = [#q]} : tensor<?x64xbf16>
    %z = mica.group "rows" phase 2 {
      %0 = mica.output_rows %y#0, %batch {mica.name = "out"} : !rows -> !rows
      mica.yield %0 : !rows
    } {buffers = [#mica.buffer<arena = logits, offset = 0, stride = 64>]} : !rows
    return %z, %y#1 : !rows, !kv
  }
}
