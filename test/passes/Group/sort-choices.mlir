// RUN: mica-opt %s -mica-sort-choices -split-input-file -verify-diagnostics | FileCheck %s

// Copies of rows and tables are made once for both products.
// CHECK-LABEL: func @experts
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x64xf32>, %[[W:[a-z0-9]*]]: !mica.weight<8x64x64, f32>, %[[P:[a-z0-9]*]]: tensor<?x2xf32>, %[[E:[a-z0-9]*]]: tensor<?x2xi32>
func.func @experts(%x: tensor<?x64xf32>, %w: !mica.weight<8x64x64, f32>, %p: tensor<?x2xf32>, %e: tensor<?x2xi32>) -> tensor<?x64xf32> {
  // CHECK-DAG:  %[[PLACE:.*]], %[[SOURCE:.*]], %[[PARTS:.*]] = mica.sort_choices %[[E]] {count = 8 : i64} : tensor<?x2xi32> -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x8xi32>
  // CHECK:      %[[D:.*]] = mica.dispatch %[[X]], %[[SOURCE]] : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  // CHECK-NEXT: %[[G:.*]] = mica.grouped_linear %[[D]], %[[W]], %[[E]] by(%[[SOURCE]], %[[PARTS]] :
  // CHECK-NEXT: %[[U:.*]] = mica.grouped_linear %[[D]], %[[W]], %[[E]] by(%[[SOURCE]], %[[PARTS]] :
  // CHECK-NEXT: %[[M:.*]] = arith.mulf %[[G]], %[[U]]
  // CHECK-NEXT: %[[H:.*]] = mica.grouped_linear %[[M]], %[[W]], %[[E]] by(%[[SOURCE]], %[[PARTS]] :
  // CHECK-NEXT: mica.combine %[[H]], %[[P]] by(%[[PLACE]] : tensor<?x2xi32>)
  %g = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  %u = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  %m = arith.mulf %g, %u : tensor<?x2x64xf32>
  %h = mica.grouped_linear %m, %w, %e : tensor<?x2x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  %y = mica.combine %h, %p : tensor<?x2x64xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

func.func @two_choices(%x: tensor<?x64xf32>, %w: !mica.weight<8x64x64, f32>, %e: tensor<?x2xi32>, %f: tensor<?x2xi32>) -> tensor<?x2x64xf32> {
  %g = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  %u = mica.grouped_linear %x, %w, %f : tensor<?x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  // expected-error@below {{'arith.mulf' op expects rows that chose their experts together, but got those of two choices}}
  %m = arith.mulf %g, %u : tensor<?x2x64xf32>
  return %m : tensor<?x2x64xf32>
}

// -----

func.func @another_choice(%x: tensor<?x64xf32>, %w: !mica.weight<8x64x64, f32>, %e: tensor<?x2xi32>, %f: tensor<?x2xi32>) -> tensor<?x2x64xf32> {
  %g = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  // expected-error@below {{'mica.grouped_linear' op expects rows that chose their experts together, but got those of two choices}}
  %u = mica.grouped_linear %g, %w, %f : tensor<?x2x64xf32>, !mica.weight<8x64x64, f32>, tensor<?x2xi32> -> tensor<?x2x64xf32>
  return %u : tensor<?x2x64xf32>
}
