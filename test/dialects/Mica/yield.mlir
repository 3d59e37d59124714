// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @results
// CHECK-SAME:    %[[Y:.*]]: tensor<?x96xf32>
func.func @results(%y: tensor<?x96xf32>) -> tensor<?x96xf32> {
  // CHECK: mica.yield %[[Y]] : tensor<?x96xf32>
  %z = mica.group "rows" phase 0 {
    mica.yield %y : tensor<?x96xf32>
  } : tensor<?x96xf32>
  return %z : tensor<?x96xf32>
}
