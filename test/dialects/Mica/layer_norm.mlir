// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @with_bias
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: !mica.weight<8, f32>, %[[B:.*]]: !mica.weight<8, f32>
func.func @with_bias(%x: tensor<?x8xf32>, %w: !mica.weight<8, f32>, %b: !mica.weight<8, f32>)
    -> tensor<?x8xf32> {
  // CHECK: mica.layer_norm %[[X]], %[[W]], %[[B]] {eps = {{.*}} : f32} : tensor<?x8xf32>, <8, f32>, !mica.weight<8, f32>
  %y = mica.layer_norm %x, %w, %b {eps = 1.0e-5 : f32} : tensor<?x8xf32>, !mica.weight<8, f32>, !mica.weight<8, f32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @without_bias
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: !mica.weight<8, f32>
func.func @without_bias(%x: tensor<?x8xf32>, %w: !mica.weight<8, f32>) -> tensor<?x8xf32> {
  // CHECK: mica.layer_norm %[[X]], %[[W]] {eps = {{.*}} : f32} : tensor<?x8xf32>, <8, f32>
  %y = mica.layer_norm %x, %w {eps = 1.0e-5 : f32} : tensor<?x8xf32>, !mica.weight<8, f32>
  return %y : tensor<?x8xf32>
}

// Heads of 4 columns with weights of their own.
// CHECK-LABEL: func @of_heads
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: !mica.weight<8, f32>
func.func @of_heads(%x: tensor<?x8xf32>, %w: !mica.weight<8, f32>) -> tensor<?x8xf32> {
  // CHECK: mica.layer_norm %[[X]], %[[W]] {eps = {{.*}} : f32, group = 4 : i64} : tensor<?x8xf32>, <8, f32>
  %y = mica.layer_norm %x, %w {eps = 1.0e-5 : f32, group = 4 : i64} : tensor<?x8xf32>, !mica.weight<8, f32>
  return %y : tensor<?x8xf32>
}
