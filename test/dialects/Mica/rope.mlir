// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @half
// CHECK-SAME:    %[[X:.*]]: tensor<?x16xf32>, %[[A:.*]]: tensor<?x4xcomplex<f32>>
func.func @half(%x: tensor<?x16xf32>, %a: tensor<?x4xcomplex<f32>>) -> tensor<?x16xf32> {
  // CHECK: mica.rope %[[X]], %[[A]] {head = 8 : i64} : tensor<?x16xf32>, tensor<?x4xcomplex<f32>>
  %y = mica.rope %x, %a {head = 8 : i64} : tensor<?x16xf32>, tensor<?x4xcomplex<f32>>
  return %y : tensor<?x16xf32>
}

// Two pairs of a head of 8: the last four columns pass through.
// CHECK-LABEL: func @partial_interleaved
func.func @partial_interleaved(%x: tensor<?x16xf32>, %a: tensor<?x2xcomplex<f32>>) -> tensor<?x16xf32> {
  // CHECK: mica.rope {{.*}} {head = 8 : i64, interleaved} : tensor<?x16xf32>, tensor<?x2xcomplex<f32>>
  %y = mica.rope %x, %a {head = 8 : i64, interleaved} : tensor<?x16xf32>, tensor<?x2xcomplex<f32>>
  return %y : tensor<?x16xf32>
}

// The last six columns of a head of 8 turn.
// CHECK-LABEL: func @behind
func.func @behind(%x: tensor<?x16xf32>, %a: tensor<?x3xcomplex<f32>>) -> tensor<?x16xf32> {
  // CHECK: mica.rope {{.*}} {first = 2 : i64, head = 8 : i64} : tensor<?x16xf32>, tensor<?x3xcomplex<f32>>
  %y = mica.rope %x, %a {head = 8 : i64, first = 2 : i64} : tensor<?x16xf32>, tensor<?x3xcomplex<f32>>
  return %y : tensor<?x16xf32>
}
