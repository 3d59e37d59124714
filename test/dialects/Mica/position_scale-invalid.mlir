// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @position_scale_c2(%x: tensor<?x8xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.position_scale' op expects an interval of 1 or more, but got 0}}
  %y = mica.position_scale %x, %batch {scale = 1.0e-1 : f32, interval = 0 : i64} : tensor<?x8xf32>
  return
}
