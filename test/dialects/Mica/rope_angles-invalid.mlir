// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @rope_angles_c1(%p: tensor<?xi32>) {
  // expected-error@below {{'mica.rope_angles' op expects a result of [rows, 2], one for each frequency, but got 'tensor<?x4xcomplex<f32>>'}}
  %a = mica.rope_angles %p {frequencies = array<f32: 1.0, 0.1>} : tensor<?xi32> -> tensor<?x4xcomplex<f32>>
  return
}
