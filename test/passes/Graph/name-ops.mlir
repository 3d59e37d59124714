// RUN: mica-opt %s -mica-name-ops | FileCheck %s

!rows = tensor<?x64xf32>
!w = !mica.weight<64x64, f32>

// Weights of a layer have the names that they have in the first layer.
// CHECK-LABEL: func private @layer
func.func private @layer(%x: !rows, %n: !mica.weight<64, f32>, %w: !w) -> !rows {
  // CHECK: mica.rms_norm {{.*}}mica.name = "ffn_norm"
  // CHECK: mica.linear {{.*}} {mica.name = "down"}
  // CHECK: arith.addf {{.*}} {mica.name = "add"}
  // CHECK: arith.addf {{.*}} {mica.name = "add#2"}
  %h = mica.rms_norm %x, %n {eps = 1.0e-5 : f32} : !rows, !mica.weight<64, f32>
  %y = mica.linear %h, %w : !rows, !w -> !rows
  %s = arith.addf %x, %y : !rows
  %t = arith.addf %s, %y : !rows
  return %t : !rows
}

mica.weight @l0.ffn_norm : !mica.weight<64, f32>
mica.weight @l0.down : !w
mica.weight @l1.ffn_norm : !mica.weight<64, f32>
mica.weight @l1.down : !w
mica.weight @table : !w

// What makes no rows of rows has no name.
// CHECK-LABEL: func @step
func.func @step(%batch: !mica.batch) -> !rows {
  // CHECK:     mica.tokens
  // CHECK-NOT: mica.name
  // CHECK:     mica.embedding {{.*}} {mica.name = "table"}
  // CHECK:     mica.stack
  // CHECK-NOT: mica.name
  // CHECK:     mica.linear {{.*}} {mica.name = "table#2"}
  // CHECK:     math.tanh {{.*}} {mica.name = "tanh"}
  %ids = mica.tokens %batch : tensor<?xi32>
  %table = mica.get_weight @table : !w
  %x = mica.embedding %ids, %table : tensor<?xi32>, !w -> !rows
  %y = mica.stack %x, (), () [
    #mica.layer<@layer, kv = [], shared = [], weights = [@l0.ffn_norm, @l0.down]>,
    #mica.layer<@layer, kv = [], shared = [], weights = [@l1.ffn_norm, @l1.down]>] : !rows, (), () -> !rows
  %z = mica.linear %y, %table : !rows, !w -> !rows
  %t = math.tanh %z : !rows
  return %t : !rows
}

// CHECK-LABEL: func @example
func.func @example(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, f32>) -> tensor<?x64xf32> {
  // CHECK: mica.linear {{.*}} {mica.name = "linear"}
  // CHECK: arith.addf {{.*}} {mica.name = "add"}
  %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, f32> -> tensor<?x64xf32>
  %z = arith.addf %x, %y : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
