// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @pool
func.func @pool(%x: tensor<?x64xf32>, %batch: !mica.batch) -> tensor<?x64xf32> {
  // CHECK: mica.pool_rows %{{.*}}, %{{.*}} {kind = #mica.pooling<mean>} : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = mica.pool_rows %x, %batch {kind = #mica.pooling<mean>} : tensor<?x64xf32> -> tensor<?x64xf32>
  // CHECK: mica.pool_rows %{{.*}}, %{{.*}} {kind = #mica.pooling<first>}
  %z = mica.pool_rows %x, %batch {kind = #mica.pooling<first>} : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
