// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @kv_merge_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_merge' op expects a cache to be appended to once, but a 'mica.kv_fork' appends to the same}}
  %a, %next = mica.kv_merge %kv, %into, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xi32>
  %other, %past = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return
}

// -----

func.func @kv_merge_c2(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_merge' op expects a cache without a window, but got one of 32}}
  %a, %next = mica.kv_merge %kv, %into, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, tensor<?x?xi32>
  return
}

// -----

func.func @kv_merge_c3(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_merge' op expects a cache of floats, but got one of 'i8'}}
  %a, %next = mica.kv_merge %kv, %into, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>, tensor<?x?xi32>
  return
}
