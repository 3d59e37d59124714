// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @plain
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: !mica.weight<96x64, bf16>
func.func @plain(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
  // CHECK: mica.linear %[[X]], %[[W]] : tensor<?x64xf32>, <96x64, bf16> -> tensor<?x96xf32>
  %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// CHECK-LABEL: func @with_bias
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>, %[[W:.*]]: !mica.weight<96x64, bf16>, %[[B:.*]]: !mica.weight<96, f32>
func.func @with_bias(%x: tensor<?x64xbf16>, %w: !mica.weight<96x64, bf16>, %b: !mica.weight<96, f32>)
    -> tensor<?x96xf32> {
  // CHECK: mica.linear %[[X]], %[[W]], %[[B]] : tensor<?x64xbf16>, <96x64, bf16>, !mica.weight<96, f32> -> tensor<?x96xf32>
  %y = mica.linear %x, %w, %b : tensor<?x64xbf16>, !mica.weight<96x64, bf16>, !mica.weight<96, f32> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// CHECK-LABEL: func @integers
func.func @integers(%x: tensor<?x64xi8, #tile.groups<32>>, %w: !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>>) -> tensor<?x96xf32> {
  // CHECK: mica.linear %{{.*}}, %{{.*}} : tensor<?x64xi8, #tile.groups<32>>, <96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>> -> tensor<?x96xf32>
  %y = mica.linear %x, %w : tensor<?x64xi8, #tile.groups<32>>, !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// CHECK-LABEL: func @rounded
func.func @rounded(%x: tensor<?x64xbf16>, %w: !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>>) -> tensor<?x96xf32> {
  // CHECK: mica.linear %{{.*}}, %{{.*}} {round_weights_from = 8 : i64} : tensor<?x64xbf16>
  %y = mica.linear %x, %w {round_weights_from = 8 : i64} : tensor<?x64xbf16>, !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
