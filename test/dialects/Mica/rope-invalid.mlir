// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @rope_c2(%x: tensor<?x16xf32>, %a: tensor<?x2xcomplex<f32>>) {
  // expected-error@below {{'mica.rope' op expects head to divide the 16 input columns, but got 6}}
  %y = mica.rope %x, %a {head = 6 : i64} : tensor<?x16xf32>, tensor<?x2xcomplex<f32>>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x16xf32>, %a: tensor<?x8xcomplex<f32>>) {
  // expected-error@below {{'mica.rope' op expects at most 4 angles for a head of 8, but got 8}}
  %y = mica.rope %x, %a {head = 8 : i64} : tensor<?x16xf32>, tensor<?x8xcomplex<f32>>
  return
}
