// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @position_scale
func.func @position_scale(%x: tensor<?x8xf32>, %batch: !mica.batch) -> tensor<?x8xf32> {
  // CHECK: mica.position_scale %{{.*}}, %{{.*}} {interval = 8192 : i64, scale = 1.000000e-01 : f32} : tensor<?x8xf32>
  %y = mica.position_scale %x, %batch {scale = 1.0e-1 : f32, interval = 8192 : i64} : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
