// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @topk_c1(%x: tensor<?x4xf32>) {
  // expected-error@below {{'mica.topk' op expects at most 4 values, one per input column, but got 5}}
  %v, %i = mica.topk %x : tensor<?x4xf32> -> tensor<?x5xf32>, tensor<?x5xi32>
  return
}

// -----

func.func @topk_c1(%x: tensor<?x4xf32>) {
  // expected-error@below {{'mica.topk' op expects indices to have 2 columns, but got 3}}
  %v, %i = mica.topk %x : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x3xi32>
  return
}
