// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @grouped_linear
func.func @grouped_linear(%x: tensor<?x64xf32>, %w: !mica.weight<8x96x64, bf16>, %e: tensor<?x2xi32>) -> tensor<?x2x96xf32> {
  // CHECK: mica.grouped_linear %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x64xf32>, <8x96x64, bf16>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  %y = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x96x64, bf16>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return %y : tensor<?x2x96xf32>
}

// CHECK-LABEL: func @sorted
func.func @sorted(%x: tensor<?x2x64xf32>, %w: !mica.weight<8x96x64, f32>, %b: !mica.weight<8x96, f32>, %e: tensor<?x2xi32>, %s: tensor<?x2xi32>, %p: tensor<?x8xi32>) -> tensor<?x2x96xf32> {
  // CHECK: bias(%{{.*}} : !mica.weight<8x96, f32>) by(%{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x8xi32>)
  %y = mica.grouped_linear %x, %w, %e bias(%b : !mica.weight<8x96, f32>) by(%s, %p : tensor<?x2xi32>, tensor<?x8xi32>)
       : tensor<?x2x64xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return %y : tensor<?x2x96xf32>
}
