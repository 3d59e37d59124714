// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @route
func.func @route(%x: tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x8xi32>) {
  // CHECK: mica.route %{{.*}} {normalize, scores = #mica.scores<softmax>} : tensor<?x64xf32> -> tensor<?x8xf32>, tensor<?x8xi32>
  %w, %e = mica.route %x {scores = #mica.scores<softmax>, normalize} : tensor<?x64xf32> -> tensor<?x8xf32>, tensor<?x8xi32>
  return %w, %e : tensor<?x8xf32>, tensor<?x8xi32>
}

// CHECK-LABEL: func @groups
func.func @groups(%x: tensor<?x16xf32>, %b: !mica.weight<16, f32>) -> tensor<?x4xi32> {
  // CHECK: mica.route %{{.*}}, %{{.*}} {group_sum = 2 : i64, groups = 4 : i64, scale = 2.500000e+00 : f32, scores = #mica.scores<sigmoid>, top_groups = 2 : i64} : tensor<?x16xf32>, !mica.weight<16, f32>
  %w, %e = mica.route %x, %b {scores = #mica.scores<sigmoid>, scale = 2.5 : f32, groups = 4, top_groups = 2, group_sum = 2}
           : tensor<?x16xf32>, !mica.weight<16, f32> -> tensor<?x4xf32>, tensor<?x4xi32>
  return %e : tensor<?x4xi32>
}
