// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @rms_norm_c2(%x: tensor<?x8xf32>, %w: !mica.weight<3, f32>) {
  // expected-error@below {{'mica.rms_norm' op expects weight to be a vector whose size divides the 8 input columns, but got '!mica.weight<3, f32>'}}
  %y = mica.rms_norm %x, %w {eps = 1.0e-5 : f32} : tensor<?x8xf32>, !mica.weight<3, f32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x8xf32>, %w: !mica.weight<8, f32>) {
  // expected-error@below {{'mica.rms_norm' op expects eps > 0, but got 0.000000e+00 : f32}}
  %y = mica.rms_norm %x, %w {eps = 0.0 : f32} : tensor<?x8xf32>, !mica.weight<8, f32>
  return
}

// -----

func.func @rms_norm_c4(%x: tensor<?x8xf32>, %w: !mica.weight<4, f32>) {
  // expected-error@below {{'mica.rms_norm' op expects group to divide the 4 elements of the weight, but got 8}}
  %y = mica.rms_norm %x, %w {eps = 1.0e-5 : f32, group = 8 : i64} : tensor<?x8xf32>, !mica.weight<4, f32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.rms_norm' op expects eps > 0, but got -1.000000e+00 : f32}}
  %y = mica.rms_norm %x {eps = -1.0 : f32} : tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c4(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.rms_norm' op expects group to divide the 8 input columns, but got 3}}
  %y = mica.rms_norm %x {eps = 1.0e-5 : f32, group = 3 : i64} : tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c5(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.rms_norm' op expects an offset of 0 without a weight, but got 1.000000e+00 : f32}}
  %y = mica.rms_norm %x {eps = 1.0e-5 : f32, offset = 1.0 : f32} : tensor<?x8xf32>
  return
}
