// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @combine_c1(%h: tensor<?x8x64xf32>, %w: tensor<?x4xf32>) {
  // expected-error@below {{'mica.combine' op expects weights to be [rows, 8], but got 'tensor<?x4xf32>'}}
  %y = mica.combine %h, %w : tensor<?x8x64xf32>, tensor<?x4xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @combine_c2(%h: tensor<?x8x64xf32>, %w: tensor<?x8xf32>) {
  // expected-error@below {{'mica.combine' op expects result to be [rows, 64], but got 'tensor<?x32xf32>'}}
  %y = mica.combine %h, %w : tensor<?x8x64xf32>, tensor<?x8xf32> -> tensor<?x32xf32>
  return
}
