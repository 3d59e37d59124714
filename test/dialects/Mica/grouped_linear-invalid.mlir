// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @grouped_linear_c1(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, f32>, %e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.grouped_linear' op expects weight of 3 dimensions, but got 2}}
  %y = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<96x64, f32>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return
}

// -----

func.func @grouped_linear_c1_columns(%x: tensor<?x32xf32>, %w: !mica.weight<8x96x64, f32>, %e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.grouped_linear' op expects input to have 64 columns, but got 32}}
  %y = mica.grouped_linear %x, %w, %e : tensor<?x32xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return
}

// -----

func.func @grouped_linear_c2(%x: tensor<?x64xf32>, %w: !mica.weight<8x96x64, f32>, %e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.grouped_linear' op expects result to be [rows, 2, 96], but got 'tensor<?x3x96xf32>'}}
  %y = mica.grouped_linear %x, %w, %e : tensor<?x64xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32> -> tensor<?x3x96xf32>
  return
}

// -----

func.func @grouped_linear_c3(%x: tensor<?x3x64xf32>, %w: !mica.weight<8x96x64, f32>, %e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.grouped_linear' op expects input to have 2 choices, but got 3}}
  %y = mica.grouped_linear %x, %w, %e : tensor<?x3x64xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return
}

// -----

func.func @grouped_linear_c4(%x: tensor<?x64xf32>, %w: !mica.weight<8x96x64, f32>, %e: tensor<?x2xi32>, %b: !mica.weight<96, f32>) {
  // expected-error@below {{'mica.grouped_linear' op expects bias to be of 8x96, but got '!mica.weight<96, f32>'}}
  %y = mica.grouped_linear %x, %w, %e bias(%b : !mica.weight<96, f32>) : tensor<?x64xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return
}

// -----

func.func @grouped_linear_c5(%x: tensor<?x64xf32>, %w: !mica.weight<8x96x64, f32>, %e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.grouped_linear' op expects round_weights_from to be positive, and rows of bf16 to meet a format with blocks, but got 8, 'tensor<?x64xf32>' and '!mica.weight<8x96x64, f32>'}}
  %y = mica.grouped_linear %x, %w, %e {round_weights_from = 8 : i64} : tensor<?x64xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32> -> tensor<?x2x96xf32>
  return
}

// -----

func.func @grouped_linear_c6(%x: tensor<?x64xf32>, %w: !mica.weight<8x96x64, f32>, %e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.grouped_linear' op expects source and parts, or none of them}}
  %y = "mica.grouped_linear"(%x, %w, %e, %e) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 1, 0>}
       : (tensor<?x64xf32>, !mica.weight<8x96x64, f32>, tensor<?x2xi32>, tensor<?x2xi32>) -> tensor<?x2x96xf32>
  return
}
