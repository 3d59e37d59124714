// RUN: mica-opt %s -split-input-file -verify-diagnostics

module @weight_c1_parts {
  func.func private @weight_c1_parts()
  // expected-error@below {{'mica.weight' op expects sources of 4 parts, but got 1}}
  mica.weight @experts : !mica.weight<4x8x64, f32> from [#mica.source<file = 0, tensor = "e.{}", first = 0, rows = 8, transposed = false, permuted = 0>]
}

// -----

module @weight_c1 {
  func.func private @weight_c1()
  // expected-error@below {{'mica.weight' op expects sources of 64 rows in all, but got 32}}
  mica.weight @norm : !mica.weight<64, f32> from [#mica.source<file = 0, tensor = "norm", first = 0, rows = 32, transposed = false, permuted = 0>]
}

// -----

module {
  func.func private @weight_c2()
  // expected-error@below {{'mica.weight' op expects @missing to be a mica.weight}}
  mica.weight @packed : !mica.weight<64, f32> by @weight_c2 of [@missing]
}

// -----

module {
  func.func private @weight_c2()
  mica.weight @norm : !mica.weight<64, f32>
  // expected-error@below {{'mica.weight' op expects @missing to be a function}}
  mica.weight @packed : !mica.weight<64, f32> by @missing of [@norm]
}
