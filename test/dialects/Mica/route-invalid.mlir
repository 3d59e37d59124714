// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @route_c1(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.route' op expects weights to be [rows, 2], but got 'tensor<?x3xf32>'}}
  %w, %e = mica.route %x {scores = #mica.scores<softmax>} : tensor<?x8xf32> -> tensor<?x3xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @route_c2(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.route' op expects 1 to 8 choices, but got 9}}
  %w, %e = mica.route %x {scores = #mica.scores<softmax>} : tensor<?x8xf32> -> tensor<?x9xf32>, tensor<?x9xi32>
  return
}

// -----

func.func @route_c3(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.route' op expects groups that divide 8 experts, and 1 of them or more at the top, but got 3 and 1}}
  %w, %e = mica.route %x {scores = #mica.scores<softmax>, groups = 3} : tensor<?x8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @route_c4(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.route' op expects groups of 2 experts or more at the top, but got 1}}
  %w, %e = mica.route %x {scores = #mica.scores<softmax>, groups = 8} : tensor<?x8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @route_c5(%x: tensor<?x8xf32>) {
  // expected-error@below {{'mica.route' op expects a sum of 1 or 2 experts of a group of 4, but got 3}}
  %w, %e = mica.route %x {scores = #mica.scores<softmax>, groups = 2, group_sum = 3} : tensor<?x8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @route_c6(%x: tensor<?x8xf32>, %b: !mica.weight<4, f32>) {
  // expected-error@below {{'mica.route' op expects a bias of 8 elements, one per expert, but got '!mica.weight<4, f32>'}}
  %w, %e = mica.route %x, %b {scores = #mica.scores<softmax>} : tensor<?x8xf32>, !mica.weight<4, f32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}
