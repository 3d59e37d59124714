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

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @kv_write_c1_first(%kv: !kv, %k: tensor<?x6xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_write' op expects an even number of columns from an even one on within a cache of one head that is 20 wide, but got 6 from 16 on in '!mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>'}}
  %kv1 = mica.kv_write %kv, %k, %batch first 16 : !kv, tensor<?x6xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @kv_write_c1_heads(%kv: !kv, %k: tensor<?x4xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_write' op expects an even number of columns from an even one on within a cache of one head that is 20 wide, but got 4 from 16 on in '!mica.kv<heads = 2}}
  %kv1 = mica.kv_write %kv, %k, %batch first 16 : !kv, tensor<?x4xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 48, value = 32, element = i8, page = 16, window = 0>

func.func @kv_write_c3(%kv: !kv, %k: tensor<?x16xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.kv_write' op expects whole groups of 32 columns of '!mica.kv<heads = 1, key = 48, value = 32, element = i8, page = 16, window = 0>', but got 16 from 0 on}}
  %kv1 = mica.kv_write %kv, %k, %batch first 0 : !kv, tensor<?x16xf32>
  return
}
