// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @sort_choices_c1(%e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.sort_choices' op expects places and sources of the experts' type 'tensor<?x2xi32>', but got 'tensor<?x3xi32>'}}
  %place, %source, %parts = mica.sort_choices %e {count = 4 : i64} : tensor<?x2xi32> -> tensor<?x2xi32>, tensor<?x3xi32>, tensor<?x8xi32>
  return
}

// -----

func.func @sort_choices_c2(%e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.sort_choices' op expects parts to be [rows, 8], but got 'tensor<?x7xi32>'}}
  %place, %source, %parts = mica.sort_choices %e {count = 4 : i64} : tensor<?x2xi32> -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x7xi32>
  return
}

// -----

func.func @sort_choices_c3(%e: tensor<?x2xi32>) {
  // expected-error@below {{'mica.sort_choices' op expects a positive count, but got 0}}
  %place, %source, %parts = mica.sort_choices %e {count = 0 : i64} : tensor<?x2xi32> -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x8xi32>
  return
}
