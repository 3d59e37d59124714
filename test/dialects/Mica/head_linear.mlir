// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @head_linear
func.func @head_linear(%x: tensor<?x64xf32>, %w: !mica.weight<4x6x16, f32>) -> tensor<?x24xf32> {
  // CHECK: mica.head_linear %{{.*}}, %{{.*}} : tensor<?x64xf32>, <4x6x16, f32> -> tensor<?x24xf32>
  %y = mica.head_linear %x, %w : tensor<?x64xf32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return %y : tensor<?x24xf32>
}

// The last four columns of each head pass.
// CHECK-LABEL: func @passed
func.func @passed(%x: tensor<?x48xf32>, %w: !mica.weight<4x16x8, bf16>) -> tensor<?x80xf32> {
  // CHECK: mica.head_linear %{{.*}}, %{{.*}} : tensor<?x48xf32>, <4x16x8, bf16> -> tensor<?x80xf32>
  %y = mica.head_linear %x, %w : tensor<?x48xf32>, !mica.weight<4x16x8, bf16> -> tensor<?x80xf32>
  return %y : tensor<?x80xf32>
}
