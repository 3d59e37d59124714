// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_merge
func.func @kv_merge(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %into: tensor<?x?xi32>, %batch: !mica.batch) -> (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch) {
  // CHECK: mica.kv_merge %{{.*}}, %{{.*}}, %{{.*}} : <heads = 2, {{.*}}>, tensor<?x?xi32>
  %kv1, %next = mica.kv_merge %kv, %into, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xi32>
  return %kv1, %next : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch
}
