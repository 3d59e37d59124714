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

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>

func.func @attention_c4(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects a chunk of at most the cache's 32, but got 64}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, chunk = 64>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>

func.func @attention_c4(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects a cache without a window, which keeps the 4 sinks of the mask, but got one of 32}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 32, sink = 4>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c5(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch, %s: !mica.weight<2, f32>) {
  // expected-error@below {{'mica.attention' op expects sinks of 4 elements, one per query head, but got '!mica.weight<2, f32>'}}
  %o = mica.attention %q, %kv, %batch sinks(%s : !mica.weight<2, f32>) {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c6(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention' op expects 4 slopes, one per query head, but got 2}}
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, alibi = array<f32: 0.5, 0.25>, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c7(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch, %s: tensor<?x2xi32>) {
  // expected-error@below {{'mica.attention' op expects segments to have 1 columns, but got 2}}
  %o = mica.attention %q, %kv, %batch segments(%s : tensor<?x2xi32>) {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @attention_c8(%q: tensor<?x32xf32>, %kv: !kv, %batch: !mica.batch, %b: tensor<?x2xi32>) {
  // expected-error@below {{'mica.attention' op expects a block of tokens, and the blocks that rows see, or neither, but got a block of 0}}
  %o = mica.attention %q, %kv, %batch blocks(%b : tensor<?x2xi32>) {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !kv -> tensor<?x32xf32>
  return
}
