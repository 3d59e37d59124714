// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @split_c1(%gu: tensor<?x192xf32>) {
  // expected-error@below {{'mica.split' op expects input to have 128 columns, but got 192}}
  %g, %u = mica.split %gu {interleave = 16 : i64} : tensor<?x192xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @split_c1(%gu: tensor<?x96xf32>) {
  // expected-error@below {{'mica.split' op expects results of one number of columns, but got 64 and 32}}
  %g, %u = mica.split %gu {interleave = 16 : i64} : tensor<?x96xf32> -> tensor<?x64xf32>, tensor<?x32xf32>
  return
}

// -----

func.func @split_c2(%gu: tensor<?x192xf32>) {
  // expected-error@below {{'mica.split' op expects interleave to divide the 96 columns of a result, but got 64}}
  %g, %u = mica.split %gu {interleave = 64 : i64} : tensor<?x192xf32> -> tensor<?x96xf32>, tensor<?x96xf32>
  return
}
