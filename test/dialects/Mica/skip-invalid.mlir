// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @skip_c2(%x: tensor<?x64xf32>, %s: tensor<?x2xf32>) {
  // expected-error@below {{'mica.skip' op expects score to have 1 columns, but got 2}}
  %z = mica.skip %x, %x, %s {threshold = 0.5 : f32} : tensor<?x64xf32>, tensor<?x2xf32>
  return
}
