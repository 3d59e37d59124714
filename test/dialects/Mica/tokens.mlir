// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @dynamic
// CHECK-SAME:    %[[BATCH:.*]]: !mica.batch
func.func @dynamic(%batch: !mica.batch) -> tensor<?xi32> {
  // CHECK: %[[ROWS:.*]] = mica.tokens %[[BATCH]] : tensor<?xi32>
  // CHECK: return %[[ROWS]]
  %ids = mica.tokens %batch : tensor<?xi32>
  return %ids : tensor<?xi32>
}
