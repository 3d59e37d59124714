// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @rope_c2(%x: tensor<?x16xf32>, %a: tensor<?x2xcomplex<f32>>) {
  // expected-error@below {{'mica.rope' op expects head to divide the 16 input columns, but got 6}}
  %y = mica.rope %x, %a {head = 6 : i64} : tensor<?x16xf32>, tensor<?x2xcomplex<f32>>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x16xf32>, %a: tensor<?x8xcomplex<f32>>) {
  // expected-error@below {{'mica.rope' op expects at most 4 angles from column 0 of a head of 8 on, but got 8}}
  %y = mica.rope %x, %a {head = 8 : i64} : tensor<?x16xf32>, tensor<?x8xcomplex<f32>>
  return
}

// -----

func.func @rope_c3_first(%x: tensor<?x16xf32>, %a: tensor<?x4xcomplex<f32>>) {
  // expected-error@below {{'mica.rope' op expects at most 3 angles from column 2 of a head of 8 on, but got 4}}
  %y = mica.rope %x, %a {head = 8 : i64, first = 2 : i64} : tensor<?x16xf32>, tensor<?x4xcomplex<f32>>
  return
}
