// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @head_linear_c1(%x: tensor<?x64xf32>, %w: !mica.weight<24x64, f32>) {
  // expected-error@below {{'mica.head_linear' op expects weight of 3 dimensions, but got 2}}
  %y = mica.head_linear %x, %w : tensor<?x64xf32>, !mica.weight<24x64, f32> -> tensor<?x24xf32>
  return
}

// -----

func.func @head_linear_c2(%x: tensor<?x63xf32>, %w: !mica.weight<4x6x8, f32>) {
  // expected-error@below {{'mica.head_linear' op expects input to have 4 heads of 8 columns or more, but got 63 columns}}
  %y = mica.head_linear %x, %w : tensor<?x63xf32>, !mica.weight<4x6x8, f32> -> tensor<?x24xf32>
  return
}

// -----

func.func @head_linear_c2_few(%x: tensor<?x20xf32>, %w: !mica.weight<4x8x6, f32>) {
  // expected-error@below {{'mica.head_linear' op expects input to have 4 heads of 6 columns or more, but got 20 columns}}
  %y = mica.head_linear %x, %w : tensor<?x20xf32>, !mica.weight<4x8x6, f32> -> tensor<?x28xf32>
  return
}

// -----

func.func @head_linear_c3(%x: tensor<?x48xf32>, %w: !mica.weight<4x16x8, f32>) {
  // expected-error@below {{'mica.head_linear' op expects result to have 80 columns, but got 64}}
  %y = mica.head_linear %x, %w : tensor<?x48xf32>, !mica.weight<4x16x8, f32> -> tensor<?x64xf32>
  return
}

// -----

func.func @head_linear_c4(%x: tensor<?x64xf32>, %w: !mica.weight<4x6x16, f32>) {
  // expected-error@below {{'mica.head_linear' op expects round_weights_from to be positive, and rows of bf16 to meet a format with blocks, but got 8, 'tensor<?x64xf32>' and '!mica.weight<4x6x16, f32>'}}
  %y = mica.head_linear %x, %w {round_weights_from = 8 : i64} : tensor<?x64xf32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}
