// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @rope_shift_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.rope_shift' op expects at most 4 frequencies for keys of 8, but got 5}}
  %a = mica.rope_shift %kv, %from, %batch {frequencies = array<f32: 1.0, 0.5, 0.3, 0.2, 0.1>} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return
}

// -----

func.func @rope_shift_c2(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.rope_shift' op expects a cache to be appended to once, but a 'mica.kv_fork' appends to the same}}
  %a = mica.rope_shift %kv, %from, %batch {frequencies = array<f32: 1.0>} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  %other, %past = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return
}

// -----

func.func @rope_shift_c3(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.rope_shift' op expects a cache without a window, but got one of 32}}
  %a = mica.rope_shift %kv, %from, %batch {frequencies = array<f32: 1.0>} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, tensor<?xi32>
  return
}

// -----

func.func @rope_shift_c3(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.rope_shift' op expects a cache of floats, but got one of 'i8'}}
  %a = mica.rope_shift %kv, %from, %batch {frequencies = array<f32: 1.0>} : !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>, tensor<?xi32>
  return
}
