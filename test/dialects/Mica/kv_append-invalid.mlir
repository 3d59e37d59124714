// RUN: mica-opt %s -split-input-file -verify-diagnostics

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @kv_append_c1(%kv: !kv, %k: tensor<?x8xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_append' op expects key to have 16 columns, but got 8}}
  %kv1 = mica.kv_append %kv, %k, %v, %batch : !kv, tensor<?x8xf32>, tensor<?x16xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @kv_append_c2(%kv: !kv, %k: tensor<?x16xf32>, %v: tensor<?x8xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_append' op expects value to have 16 columns, but got 8}}
  %kv1 = mica.kv_append %kv, %k, %v, %batch : !kv, tensor<?x16xf32>, tensor<?x8xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

// Two caches cannot be made of one.
func.func @kv_append_c3(%kv: !kv, %k: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_append' op expects a cache to be appended to once, but a 'mica.kv_append' appends to the same}}
  %kv1 = mica.kv_append %kv, %k, %k, %batch : !kv, tensor<?x16xf32>, tensor<?x16xf32>
  %kv2 = mica.kv_append %kv, %k, %k, %batch : !kv, tensor<?x16xf32>, tensor<?x16xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

// What the cache was before the append is gone after it.
func.func @kv_append_c3(%kv: !kv, %q: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_append' op expects every reader of its cache to precede it, but a 'mica.attention' does not}}
  %kv1 = mica.kv_append %kv, %q, %q, %batch : !kv, tensor<?x16xf32>, tensor<?x16xf32>
  %o = mica.attention %q, %kv, %batch {heads = 2 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x16xf32>, !kv -> tensor<?x16xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @kv_append_c3(%kv: !kv, %q: tensor<?x16xf32>, %batch: !mica.batch) -> !kv {
  // expected-error@below {{'mica.kv_append' op expects every reader of its cache to precede it, but a 'func.return' does not}}
  %kv1 = mica.kv_append %kv, %q, %q, %batch : !kv, tensor<?x16xf32>, tensor<?x16xf32>
  return %kv : !kv
}
