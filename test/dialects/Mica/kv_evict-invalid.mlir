// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @kv_evict_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_evict' op expects a budget of 1 or more, the recent of which are a part, but got 8 and 16}}
  %a, %next = mica.kv_evict %kv, %scores, %batch {budget = 8 : i64, recent = 16 : i64} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xf32>
  return
}

// -----

func.func @kv_evict_c2(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_evict' op expects a cache to be appended to once, but a 'mica.kv_fork' appends to the same}}
  %a, %next = mica.kv_evict %kv, %scores, %batch {budget = 16 : i64, recent = 8 : i64} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xf32>
  %other, %past = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return
}

// -----

func.func @kv_evict_c3(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_evict' op expects a cache without a window, but got one of 32}}
  %a, %next = mica.kv_evict %kv, %scores, %batch {budget = 16 : i64, recent = 8 : i64} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, tensor<?x?xf32>
  return
}
