// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @attention_statistics_c1(%q: tensor<?x24xf32>, %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention_statistics' op expects heads to be a multiple of the cache's 2, but got 3}}
  %lse, %s = mica.attention_statistics %q, %kv, %batch {heads = 3 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x24xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x3xf32>, tensor<?x?xf32>
  return
}

// -----

func.func @attention_statistics_c2(%q: tensor<?x16xf32>, %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention_statistics' op expects input to have 32 columns, but got 16}}
  %lse, %s = mica.attention_statistics %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x16xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x4xf32>, tensor<?x?xf32>
  return
}

// -----

func.func @attention_statistics_c3(%q: tensor<?x32xf32>, %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch) {
  // expected-error@below {{'mica.attention_statistics' op expects log_sum to have 4 columns, but got 8}}
  %lse, %s = mica.attention_statistics %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x8xf32>, tensor<?x?xf32>
  return
}
