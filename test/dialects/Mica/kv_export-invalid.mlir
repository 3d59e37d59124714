// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @kv_export_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_export' op expects key to have 16 columns, but got 8}}
  %a, %b = mica.kv_export %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x8xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @kv_export_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_export' op expects value to have 16 columns, but got 8}}
  %a, %b = mica.kv_export %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x16xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @kv_export_c2(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_export' op expects a cache without a window, but got one of 32}}
  %a, %b = mica.kv_export %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32> -> tensor<?x16xf32>, tensor<?x16xf32>
  return
}
