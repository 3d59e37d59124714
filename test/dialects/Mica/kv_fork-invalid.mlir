// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @kv_fork_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_fork' op expects a cache to be appended to once, but a 'mica.kv_fork' appends to the same}}
  %a, %next = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  %other, %past = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return
}
