// RUN: mica-opt %s -split-input-file -verify-diagnostics

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @kv_write_c1(%kv: !kv, %k: tensor<?x8xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_write' op expects rows to have 16 columns, but got 8}}
  %kv1 = mica.kv_write %kv, %k, %batch : !kv, tensor<?x8xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func @kv_write_c2(%kv: !kv, %k: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_write' op expects a cache to be appended to once, but a 'mica.kv_write' appends to the same}}
  %kv1 = mica.kv_write %kv, %k, %batch : !kv, tensor<?x16xf32>
  %kv2 = mica.kv_write %kv, %k, %batch : !kv, tensor<?x16xf32>
  return
}
