// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @permuted
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[ORDER:.*]]: !mica.weight<64, i32>
func.func @permuted(%x: tensor<?x64xf32>, %order: !mica.weight<64, i32>) -> tensor<?x64xf32> {
  // CHECK: mica.permute_columns %[[X]], %[[ORDER]] : tensor<?x64xf32>, <64, i32>
  %y = mica.permute_columns %x, %order : tensor<?x64xf32>, !mica.weight<64, i32>
  return %y : tensor<?x64xf32>
}
