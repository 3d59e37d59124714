// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @ssm_scan_c2(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects a state of 3 dimensions, but got '!mica.state<16x8, f32>'}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<16x8, f32>
  return
}

// -----

func.func @ssm_scan_c2(%x: tensor<?x24xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects input to have 32 columns, but got 24}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x24xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return
}

// -----

func.func @ssm_scan_c3(%x: tensor<?x32xf32>, %dt: tensor<?x8xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects time to have 4 columns, but got 8}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x8xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return
}

// -----

func.func @ssm_scan_c3(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<8, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects a_log of shape [4], but got '!mica.weight<8, f32>'}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<8, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return
}

// -----

// Three groups do not divide four heads.
func.func @ssm_scan_c4(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x48xf32>, %q: tensor<?x48xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects key and query of 16 columns for a divisor of 4 heads, but got 48 columns}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x48xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return
}

// -----

func.func @ssm_scan_c5(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects a cache to be appended to once, but a 'mica.ssm_scan' appends to the same}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  %z, %s2 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return
}

// -----

func.func @ssm_scan_c6(%x: tensor<?x32xf32>, %dt: tensor<?x4xf32>, %k: tensor<?x16xf32>, %q: tensor<?x16xf32>, %bias: !mica.weight<4, f32>, %a: !mica.weight<4, f32>, %d: !mica.weight<4, f32>, %s: !mica.state<4x16x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.ssm_scan' op expects 0 <= least <= most, but got 1.000000e+00 and 5.000000e-01}}
  %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch {least = 1.0 : f32, most = 0.5 : f32} : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
  return
}
