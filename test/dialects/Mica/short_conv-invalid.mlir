// RUN: mica-opt %s -split-input-file -verify-diagnostics

// One tap is no convolution.
func.func @short_conv_c2(%x: tensor<?x64xf32>, %w: !mica.weight<1x64, f32>, %s: !mica.state<2x64, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.short_conv' op expects 2 taps or more of 64 columns, but got '!mica.weight<1x64, f32>'}}
  %y, %s1 = mica.short_conv %x, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<1x64, f32>, !mica.state<2x64, f32>
  return
}

// -----

func.func @short_conv_c2(%x: tensor<?x64xf32>, %w: !mica.weight<3x32, f32>, %s: !mica.state<2x64, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.short_conv' op expects 2 taps or more of 64 columns, but got '!mica.weight<3x32, f32>'}}
  %y, %s1 = mica.short_conv %x, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<3x32, f32>, !mica.state<2x64, f32>
  return
}

// -----

func.func @short_conv_c3(%x: tensor<?x64xf32>, %w: !mica.weight<3x64, f32>, %b: !mica.weight<32, f32>, %s: !mica.state<2x64, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.short_conv' op expects bias of shape [64], but got '!mica.weight<32, f32>'}}
  %y, %s1 = mica.short_conv %x, %w, %s, %batch bias %b : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<2x64, f32>, !mica.weight<32, f32>
  return
}

// -----

func.func @short_conv_c4(%x: tensor<?x64xf32>, %w: !mica.weight<3x64, f32>, %s: !mica.state<3x64, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.short_conv' op expects a state of 2 rows of 64 columns, but got '!mica.state<3x64, f32>'}}
  %y, %s1 = mica.short_conv %x, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<3x64, f32>
  return
}

// -----

func.func @short_conv_c5(%x: tensor<?x64xf32>, %w: !mica.weight<3x64, f32>, %s: !mica.state<2x64, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.short_conv' op expects a cache to be appended to once, but a 'mica.short_conv' appends to the same}}
  %y, %s1 = mica.short_conv %x, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<2x64, f32>
  %z, %s2 = mica.short_conv %y, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<2x64, f32>
  return
}
