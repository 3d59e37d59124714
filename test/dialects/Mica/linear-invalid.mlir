// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @linear_c1(%x: tensor<?x32xf32>, %w: !mica.weight<96x64, bf16>) {
  // expected-error@below {{'mica.linear' op expects input to have 64 columns, but got 32}}
  %y = mica.linear %x, %w : tensor<?x32xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x32xf32>, %w: !mica.weight<32, bf16>) {
  // expected-error@below {{'mica.linear' op expects weight of 2 dimensions, but got 1}}
  %y = mica.linear %x, %w : tensor<?x32xf32>, !mica.weight<32, bf16> -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) {
  // expected-error@below {{'mica.linear' op expects result to have 96 columns, but got 64}}
  %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>, %b: !mica.weight<64, f32>) {
  // expected-error@below {{'mica.linear' op expects bias to have 96 elements, one per output column, but got '!mica.weight<64, f32>'}}
  %y = mica.linear %x, %w, %b : tensor<?x64xf32>, !mica.weight<96x64, bf16>, !mica.weight<64, f32> -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x64xi8, #tile.groups<32>>, %w: !mica.weight<96x64, bf16>) {
  // expected-error@below {{'mica.linear' op expects rows of i8 to meet a format with blocks, but got '!mica.weight<96x64, bf16>'}}
  %y = mica.linear %x, %w : tensor<?x64xi8, #tile.groups<32>>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c5(%x: tensor<?x64xbf16>, %w: !mica.weight<96x64, bf16>) {
  // expected-error@below {{'mica.linear' op expects round_weights_from to be positive, and rows of bf16 to meet a format with blocks, but got 8, 'tensor<?x64xbf16>' and '!mica.weight<96x64, bf16>'}}
  %y = mica.linear %x, %w {round_weights_from = 8 : i64} : tensor<?x64xbf16>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
  return
}

// -----

// Sums over 32 columns do not serve groups of 16.
func.func @linear_c6(%x: tensor<?x64xi8, #tile.groups<32 part 32 zero 8>>, %w: !mica.weight<96x64, #mica.format<"w4g16", 16 x 10, <bits = 4, zero = 8, group = 16, scale = f16>>>) {
  // expected-error@below {{'mica.linear' op expects rows with sums for #tile.blocks<bits = 4, zero = 8, group = 16, scale = f16>, but got #tile.groups<32 part 32 zero 8>}}
  %y = mica.linear %x, %w : tensor<?x64xi8, #tile.groups<32 part 32 zero 8>>, !mica.weight<96x64, #mica.format<"w4g16", 16 x 10, <bits = 4, zero = 8, group = 16, scale = f16>>> -> tensor<?x96xf32>
  return
}
