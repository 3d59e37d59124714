// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @add_rms_norm_c2(%x: tensor<?x8xf32>, %w: !mica.weight<8x8, f32>) {
  // expected-error@below {{'mica.add_rms_norm' op expects weight to be a vector whose size divides the 8 input columns, but got '!mica.weight<8x8, f32>'}}
  %sum, %y = mica.add_rms_norm %x, %x, %w {eps = 1.0e-5 : f32} : tensor<?x8xf32>, !mica.weight<8x8, f32>
  return
}

// -----

func.func @add_rms_norm_c3(%x: tensor<?x8xf32>, %w: !mica.weight<8, f32>) {
  // expected-error@below {{'mica.add_rms_norm' op expects eps > 0, but got -1.000000e+00 : f32}}
  %sum, %y = mica.add_rms_norm %x, %x, %w {eps = -1.0 : f32} : tensor<?x8xf32>, !mica.weight<8, f32>
  return
}
