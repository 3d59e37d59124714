// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @merge_tokens
func.func @merge_tokens(%x: tensor<?x64xf32>, %into: tensor<?x1xi32>, %batch: !mica.batch) -> (tensor<?x64xf32>, tensor<?xi32>, !mica.batch) {
  // CHECK: mica.merge_tokens %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<?x1xi32> -> tensor<?x64xf32>, tensor<?xi32>
  %y, %kept, %next = mica.merge_tokens %x, %into, %batch : tensor<?x64xf32>, tensor<?x1xi32> -> tensor<?x64xf32>, tensor<?xi32>
  return %y, %kept, %next : tensor<?x64xf32>, tensor<?xi32>, !mica.batch
}
