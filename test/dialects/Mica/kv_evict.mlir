// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_evict
func.func @kv_evict(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %scores: tensor<?x?xf32>, %batch: !mica.batch) -> (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch) {
  // CHECK: mica.kv_evict %{{.*}}, %{{.*}}, %{{.*}} {budget = 64 : i64, recent = 16 : i64} : <heads = 2, {{.*}}>, tensor<?x?xf32>
  %kv1, %next = mica.kv_evict %kv, %scores, %batch {budget = 64 : i64, recent = 16 : i64} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xf32>
  return %kv1, %next : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch
}
