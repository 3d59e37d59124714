// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @gate_and_up
// CHECK-SAME:    %[[GU:.*]]: tensor<?x192xf32>
func.func @gate_and_up(%gu: tensor<?x192xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
  // CHECK: mica.split %[[GU]] {interleave = 16 : i64} : tensor<?x192xf32> -> tensor<?x96xf32>, tensor<?x96xf32>
  %g, %u = mica.split %gu {interleave = 16 : i64} : tensor<?x192xf32> -> tensor<?x96xf32>, tensor<?x96xf32>
  return %g, %u : tensor<?x96xf32>, tensor<?x96xf32>
}
