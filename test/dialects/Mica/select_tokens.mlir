// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @select_tokens
func.func @select_tokens(%x: tensor<?x64xf32>, %scores: tensor<?x1xf32>, %batch: !mica.batch) -> (tensor<?x64xf32>, tensor<?xi32>, !mica.batch) {
  // CHECK: mica.select_tokens %{{.*}}, %{{.*}}, %{{.*}} {keep = 5.000000e-01 : f64, least = 1 : i64} : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>, tensor<?xi32>
  %y, %kept, %next = mica.select_tokens %x, %scores, %batch {keep = 0.5 : f64, least = 1 : i64} : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>, tensor<?xi32>
  return %y, %kept, %next : tensor<?x64xf32>, tensor<?xi32>, !mica.batch
}
