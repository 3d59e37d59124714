// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @scatter_tokens_c2(%y: tensor<?x32xf32>, %kept: tensor<?xi32>, %x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.scatter_tokens' op expects rows to have 64 columns, but got 32}}
  %z = mica.scatter_tokens %y, %kept into %x : tensor<?x32xf32>, tensor<?xi32>, tensor<?x64xf32>
  return
}
