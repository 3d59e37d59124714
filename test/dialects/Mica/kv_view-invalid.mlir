// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @kv_view_c1(%kv: !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_view' op expects heads of the cache's 4, but got 2 from 3 on}}
  %w = mica.kv_view %kv {first = 3 : i64} : !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
  return
}

// -----

func.func @kv_view_c2(%kv: !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_view' op expects a view of type '!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>', but got '!mica.kv<heads = 2, key = 8, value = 8, element = f16, page = 16, window = 0>'}}
  %w = mica.kv_view %kv {first = 1 : i64} : !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 2, key = 8, value = 8, element = f16, page = 16, window = 0>
  return
}
