// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @dynamic
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[BATCH:.*]]: !mica.batch
func.func @dynamic(%x: tensor<?x64xf32>, %batch: !mica.batch) -> tensor<?x64xf32> {
  // CHECK: mica.output_rows %[[X]], %[[BATCH]] : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = mica.output_rows %x, %batch : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
