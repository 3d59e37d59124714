// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects positive heads and widths in a cache, but got 0}}
func.func private @kv_c1(!mica.kv<heads = 0, key = 64, value = 64, element = bf16, page = 32, window = 0>)

// -----

// expected-error@below {{expects pages of a multiple of 16 tokens, but got 24}}
func.func private @kv_c2(!mica.kv<heads = 4, key = 64, value = 64, element = bf16, page = 24, window = 0>)

// -----

// expected-error@below {{expects a cache of f32, bf16, f16, i8 or i4, but got 'f64'}}
func.func private @kv_c3(!mica.kv<heads = 4, key = 64, value = 64, element = f64, page = 32, window = 0>)

// -----

// expected-error@below {{expects a window of 0 or more, but got -1}}
func.func private @kv_c4(!mica.kv<heads = 4, key = 64, value = 64, element = bf16, page = 32, window = -1>)
