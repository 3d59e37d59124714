// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @whole_row
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: !mica.weight<8, f32>
func.func @whole_row(%x: tensor<?x8xf32>, %w: !mica.weight<8, f32>) -> tensor<?x8xf32> {
  // CHECK: mica.rms_norm %[[X]], %[[W]] {eps = {{.*}} : f32} : tensor<?x8xf32>, !mica.weight<8, f32>
  %y = mica.rms_norm %x, %w {eps = 1.0e-5 : f32} : tensor<?x8xf32>, !mica.weight<8, f32>
  return %y : tensor<?x8xf32>
}

// One weight serves every head; a checkpoint that stores w - 1 has an offset.
// CHECK-LABEL: func @heads_with_offset
func.func @heads_with_offset(%x: tensor<?x32xf32>, %w: !mica.weight<8, bf16>)
    -> tensor<?x32xf32> {
  // CHECK: mica.rms_norm {{.*}} {eps = {{.*}} : f32, offset = 1.000000e+00 : f32}
  %y = mica.rms_norm %x, %w {eps = 1.0e-6 : f32, offset = 1.0 : f32} : tensor<?x32xf32>, !mica.weight<8, bf16>
  return %y : tensor<?x32xf32>
}

// Heads, and no weight.
// CHECK-LABEL: func @weightless
func.func @weightless(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: mica.rms_norm %{{.*}} {eps = {{.*}} : f32, group = 4 : i64} : tensor<?x8xf32>
  %z = mica.rms_norm %x {eps = 1.0e-5 : f32, group = 4 : i64} : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}
