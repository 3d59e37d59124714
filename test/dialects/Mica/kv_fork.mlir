// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_fork
func.func @kv_fork(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %batch: !mica.batch) -> (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch) {
  // CHECK: mica.kv_fork %{{.*}}, %{{.*}}, %{{.*}} : <heads = 2, {{.*}}>, tensor<?xi32>
  %kv1, %next = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return %kv1, %next : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch
}
