// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @topk
func.func @topk(%x: tensor<?x97xf32>) -> (tensor<?x5xf32>, tensor<?x5xi32>) {
  // CHECK: mica.topk %{{.*}} : tensor<?x97xf32> -> tensor<?x5xf32>, tensor<?x5xi32>
  %v, %i = mica.topk %x : tensor<?x97xf32> -> tensor<?x5xf32>, tensor<?x5xi32>
  return %v, %i : tensor<?x5xf32>, tensor<?x5xi32>
}
