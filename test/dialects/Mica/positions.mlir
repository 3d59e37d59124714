// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @dynamic
// CHECK-SAME:    %[[BATCH:.*]]: !mica.batch
func.func @dynamic(%batch: !mica.batch) -> tensor<?xi32> {
  // CHECK: %[[ROWS:.*]] = mica.positions %[[BATCH]] : tensor<?xi32>
  // CHECK: return %[[ROWS]]
  %p = mica.positions %batch : tensor<?xi32>
  return %p : tensor<?xi32>
}
