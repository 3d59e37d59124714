// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @bf16
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>
func.func @bf16(%x: tensor<?x64xf32>) -> tensor<?x64xbf16> {
  // CHECK: mica.quantize %[[X]] : tensor<?x64xf32> -> tensor<?x64xbf16>
  %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xbf16>
  return %q : tensor<?x64xbf16>
}

// CHECK-LABEL: func @i8
func.func @i8(%x: tensor<?x64xf32>) -> tensor<?x64xi8, #tile.groups<32>> {
  // CHECK: mica.quantize %{{.*}} : tensor<?x64xf32> -> tensor<?x64xi8, #tile.groups<32>>
  %i = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #tile.groups<32>>
  return %i : tensor<?x64xi8, #tile.groups<32>>
}
