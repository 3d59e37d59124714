// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @scatter_tokens
func.func @scatter_tokens(%y: tensor<?x64xf32>, %kept: tensor<?xi32>, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  // CHECK: mica.scatter_tokens %{{.*}}, %{{.*}} into %{{.*}} : tensor<?x64xf32>, tensor<?xi32>, tensor<?x64xf32>
  %z = mica.scatter_tokens %y, %kept into %x : tensor<?x64xf32>, tensor<?xi32>, tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
