// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_export
func.func @kv_export(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  // CHECK: mica.kv_export %{{.*}}, %{{.*}} : <{{.*}}> -> tensor<?x16xf32>, tensor<?x16xf32>
  %k, %v = mica.kv_export %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x16xf32>, tensor<?x16xf32>
  return %k, %v : tensor<?x16xf32>, tensor<?x16xf32>
}
