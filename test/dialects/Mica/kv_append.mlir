// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @one_cache
// CHECK-SAME:    %[[KV:.*]]: !mica.kv<{{.*}}>, %[[K:.*]]: tensor<?x16xf32>, %[[V:.*]]: tensor<?x16xf32>, %[[BATCH:.*]]: !mica.batch
func.func @one_cache(
    %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>,
    %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch)
    -> !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> {
  // CHECK: mica.kv_append %[[KV]], %[[K]], %[[V]], %[[BATCH]] : <heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>, tensor<?x16xf32>
  %kv1 = mica.kv_append %kv, %k, %v, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>, tensor<?x16xf32>
  return %kv1 : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
}

// A reader of the operand may precede the append.
// CHECK-LABEL: func @read_before
func.func @read_before(
    %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>,
    %q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %batch: !mica.batch)
    -> !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> {
  // CHECK: mica.attention
  // CHECK: mica.kv_append
  %o = mica.attention %q, %kv, %batch {heads = 2 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = false, window = 0>} : tensor<?x16xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x16xf32>
  %kv1 = mica.kv_append %kv, %k, %o, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>, tensor<?x16xf32>
  return %kv1 : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
}
