// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @plain
// CHECK-SAME:    %[[IDS:.*]]: tensor<?xi32>, %[[TABLE:.*]]: !mica.weight<1000x64, f32>
func.func @plain(%ids: tensor<?xi32>, %table: !mica.weight<1000x64, f32>)
    -> tensor<?x64xf32> {
  // CHECK: mica.embedding %[[IDS]], %[[TABLE]] : tensor<?xi32>, <1000x64, f32> -> tensor<?x64xf32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<1000x64, f32> -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}

// The result is f32 whatever the table is stored as.
// CHECK-LABEL: func @block_format
func.func @block_format(%ids: tensor<?xi32>,
                        %table: !mica.weight<1000x64, #mica.format<"q8_0", 32 x 34>>)
    -> tensor<?x64xf32> {
  // CHECK: mica.embedding {{.*}} -> tensor<?x64xf32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<1000x64, #mica.format<"q8_0", 32 x 34>> -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}
