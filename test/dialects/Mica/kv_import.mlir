// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_import
func.func @kv_import(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) -> (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>) {
  // CHECK: mica.kv_import %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : <{{.*}}>, tensor<?x16xf32>, tensor<?x16xf32>
  %kv1 = mica.kv_import %kv, %k, %v, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>, tensor<?x16xf32>
  return %kv1 : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
}
