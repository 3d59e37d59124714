// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @merge_tokens_c1(%x: tensor<?x64xf32>, %into: tensor<?x1xi32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.merge_tokens' op expects result to have 64 columns, but got 32}}
  %y, %kept, %next = mica.merge_tokens %x, %into, %batch : tensor<?x64xf32>, tensor<?x1xi32> -> tensor<?x32xf32>, tensor<?xi32>
  return
}

// -----

func.func @merge_tokens_c2(%x: tensor<?x64xf32>, %into: tensor<?x2xi32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.merge_tokens' op expects into to have 1 columns, but got 2}}
  %y, %kept, %next = mica.merge_tokens %x, %into, %batch : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64xf32>, tensor<?xi32>
  return
}
