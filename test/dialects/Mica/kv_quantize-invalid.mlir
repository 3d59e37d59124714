// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @kv_quantize_c1(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %from: tensor<?xi32>, %scores: tensor<?x?xf32>, %into: tensor<?x?xi32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_quantize' op expects a cache of type '!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>', but got '!mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0>'}}
  %a = mica.kv_quantize %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0>
  return
}
