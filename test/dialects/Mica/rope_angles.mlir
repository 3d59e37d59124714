// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @two_pairs
// CHECK-SAME:    %[[P:.*]]: tensor<?xi32>
func.func @two_pairs(%p: tensor<?xi32>) -> tensor<?x2xcomplex<f32>> {
  // CHECK: mica.rope_angles %[[P]] {frequencies = array<f32: 1.000000e+00, 1.000000e-01>} : tensor<?xi32> -> tensor<?x2xcomplex<f32>>
  %a = mica.rope_angles %p {frequencies = array<f32: 1.0, 0.1>} : tensor<?xi32> -> tensor<?x2xcomplex<f32>>
  return %a : tensor<?x2xcomplex<f32>>
}
