// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @skip
func.func @skip(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %score: tensor<?x1xf32>) -> (tensor<?x64xf32>) {
  // CHECK: mica.skip %{{.*}}, %{{.*}}, %{{.*}} {threshold = 5.000000e-01 : f32} : tensor<?x64xf32>, tensor<?x1xf32>
  %z = mica.skip %x, %y, %score {threshold = 0.5 : f32} : tensor<?x64xf32>, tensor<?x1xf32>
  return %z : tensor<?x64xf32>
}
