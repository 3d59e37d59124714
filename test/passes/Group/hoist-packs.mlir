// Two layers of one function: one function packs both, each has its symbol.
//
// RUN: mica-opt %s -mica-form-groups -mica-choose-layouts -mica-hoist-packs | FileCheck %s

!rows = tensor<?x64xf32>
module attributes {mica.dtype = f32, mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
  // CHECK-DAG: mica.weight @packed.a : !mica.weight<64x64, f32, #[[L:mica.layout<.*>]]> by @[[F:pack_[0-9]+]] of [@a]
  // CHECK-DAG: mica.weight @packed.b : !mica.weight<64x64, f32, #[[L]]> by @[[F]] of [@b]
  mica.weight @a : !mica.weight<64x64, f32>
  mica.weight @b : !mica.weight<64x64, f32>

  // CHECK: func private @layer(%[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: !mica.weight<64x64, f32, #mica.layout
  func.func private @layer(%x: !rows, %w: !mica.weight<64x64, f32>) -> !rows {
    // CHECK-NOT: mica.pack
    // CHECK: mica.linear %[[X]], %[[W]]
    %0 = mica.linear %x, %w : !rows, !mica.weight<64x64, f32> -> !rows
    return %0 : !rows
  }

  // CHECK: weights = [@packed.a]
  // CHECK-SAME: weights = [@packed.b]
  func.func @step(%x: !rows) -> !rows {
    %y = mica.stack %x, (), () [
      #mica.layer<@layer, kv = [], shared = [], weights = [@a]>,
      #mica.layer<@layer, kv = [], shared = [], weights = [@b]>] : !rows, (), () -> !rows
    return %y : !rows
  }
  // CHECK: func.func @[[F]](%{{.*}}: !mica.weight<64x64, f32>) -> {{.*}} attributes {mica.pack_function}
}
