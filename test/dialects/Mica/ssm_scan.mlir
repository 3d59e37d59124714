// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @one_group
func.func @one_group(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) -> (tensor<?x32xf32>, !mica.state<4x16x8, f32>) {
  // CHECK: mica.ssm_scan %
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return %y, %s1 : tensor<?x32xf32>, !mica.state<4x16x8, f32>
}

// CHECK-LABEL: func @two_groups
func.func @two_groups(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x32xf32>, %q: tensor<?x32xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) -> (tensor<?x32xf32>, !mica.state<4x16x8, f32>) {
  // CHECK: mica.ssm_scan %{{.*}} {least = {{.*}} : f32, most = {{.*}} : f32, rates}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch {least = 1.000000e-03 : f32, most = 1.000000e-01 : f32, rates} : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x32xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return %y, %s1 : tensor<?x32xf32>, !mica.state<4x16x8, f32>
}
