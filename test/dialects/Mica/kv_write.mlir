// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @keys_then_values
// CHECK-SAME:    %[[KV:.*]]: !mica.kv<{{.*}}>, %[[K:.*]]: tensor<?x16xf32>, %[[V:.*]]: tensor<?x16xf32>, %[[BATCH:.*]]: !mica.batch
func.func @keys_then_values(
    %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>,
    %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch)
    -> !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> {
  // CHECK: %[[KV1:.*]] = mica.kv_write %[[KV]], %[[K]], %[[BATCH]] : <heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>
  // CHECK: mica.kv_write %[[KV1]], %[[V]], %[[BATCH]] value : <heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>
  %kv1 = mica.kv_write %kv, %k, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>
  %kv2 = mica.kv_write %kv1, %v, %batch value : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>
  return %kv2 : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
}

// The last columns of a key.
// CHECK-LABEL: func @shared
func.func @shared(%latent: !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>, %r: tensor<?x4xf32>, %batch: !mica.batch) {
  // CHECK: mica.kv_write %{{.*}}, %{{.*}}, %{{.*}} first 16 : <heads = 1, key = 20, {{.*}}>, tensor<?x4xf32>
  %latent1 = mica.kv_write %latent, %r, %batch first 16 : !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>, tensor<?x4xf32>
  return
}
