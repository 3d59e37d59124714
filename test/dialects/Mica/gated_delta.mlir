// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @per_head
func.func @per_head(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %g: tensor<?x4xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) -> (tensor<?x32xf32>, !mica.state<4x8x8, f32>) {
  // CHECK: mica.gated_delta %
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  return %y, %s1 : tensor<?x32xf32>, !mica.state<4x8x8, f32>
}

// CHECK-LABEL: func @per_column
func.func @per_column(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %g: tensor<?x32xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) -> (tensor<?x32xf32>, !mica.state<4x8x8, f32>) {
  // CHECK: mica.gated_delta %
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  return %y, %s1 : tensor<?x32xf32>, !mica.state<4x8x8, f32>
}
