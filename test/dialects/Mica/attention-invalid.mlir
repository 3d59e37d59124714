// RUN: mica-opt %s -split-input-file -verify-diagnostics

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c1(%q: tensor<?x24xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects heads to be a multiple of the cache's 2, but got 3}}
  %o = mica.attention %q, %kv, %batch {heads = 3 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x24xf32>, !kv -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c2(%q: tensor<?x16xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects input to have 32 columns, but got 16}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x16xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c3(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects result to have 32 columns, but got 16}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x32xf32>, !kv -> tensor<?x16xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>

func.func @attention_c4(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects a window of at most the cache's 32, but got 64}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 64>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>

func.func @attention_c4(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects a window of at most the cache's 32, but got 0}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}
