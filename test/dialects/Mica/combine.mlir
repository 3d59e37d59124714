// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @combine
func.func @combine(%h: tensor<?x8x64xf32>, %w: tensor<?x8xf32>, %p: tensor<?x8xi32>) -> tensor<?x64xf32> {
  // CHECK: mica.combine %{{.*}}, %{{.*}} : tensor<?x8x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  %y = mica.combine %h, %w : tensor<?x8x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  // CHECK: mica.combine %{{.*}}, %{{.*}} by(%{{.*}} : tensor<?x8xi32>)
  %z = mica.combine %h, %w by(%p : tensor<?x8xi32>) : tensor<?x8x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
