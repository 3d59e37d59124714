// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @gated_delta_c2(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %g: tensor<?x4xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<8x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.gated_delta' op expects a state of 3 dimensions, but got '!mica.state<8x8, f32>'}}
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<8x8, f32>
  return
}

// -----

func.func @gated_delta_c2(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x24xf32>, %g: tensor<?x4xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.gated_delta' op expects value to have 32 columns, but got 24}}
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x24xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  return
}

// -----

func.func @gated_delta_c3(%q: tensor<?x12xf32>, %k: tensor<?x12xf32>, %v: tensor<?x32xf32>, %g: tensor<?x4xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.gated_delta' op expects key and query of 8 columns for a divisor of 4 heads, but got 12 columns}}
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x12xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  return
}

// -----

func.func @gated_delta_c4(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %g: tensor<?x4xf32>, %beta: tensor<?x2xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.gated_delta' op expects beta to have 4 columns, but got 2}}
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x2xf32>, !mica.state<4x8x8, f32>
  return
}

// -----

func.func @gated_delta_c4(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %g: tensor<?x8xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.gated_delta' op expects decay to have 4 or 32 columns, but got 8}}
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x8xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  return
}

// -----

func.func @gated_delta_c5(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %g: tensor<?x4xf32>, %beta: tensor<?x4xf32>, %s: !mica.state<4x8x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.gated_delta' op expects a cache to be appended to once, but a 'mica.gated_delta' appends to the same}}
  %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  %z, %s2 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
  return
}
