// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @select_tokens_c1(%x: tensor<?x64xf32>, %s: tensor<?x1xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.select_tokens' op expects result to have 64 columns, but got 32}}
  %y, %kept, %next = mica.select_tokens %x, %s, %batch {keep = 0.5 : f64, least = 1 : i64} : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x32xf32>, tensor<?xi32>
  return
}

// -----

func.func @select_tokens_c2(%x: tensor<?x64xf32>, %s: tensor<?x2xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.select_tokens' op expects scores to have 1 columns, but got 2}}
  %y, %kept, %next = mica.select_tokens %x, %s, %batch {keep = 0.5 : f64, least = 1 : i64} : tensor<?x64xf32>, tensor<?x2xf32> -> tensor<?x64xf32>, tensor<?xi32>
  return
}

// -----

func.func @select_tokens_c3(%x: tensor<?x64xf32>, %s: tensor<?x1xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.select_tokens' op expects to keep a part above 0 and up to 1, but got 1.500000e+00 : f64}}
  %y, %kept, %next = mica.select_tokens %x, %s, %batch {keep = 1.5 : f64, least = 1 : i64} : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>, tensor<?xi32>
  return
}

// -----

func.func @select_tokens_c3(%x: tensor<?x64xf32>, %s: tensor<?x1xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.select_tokens' op expects least of 0 or more, but got -1}}
  %y, %kept, %next = mica.select_tokens %x, %s, %batch {keep = 0.5 : f64, least = -1 : i64} : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>, tensor<?xi32>
  return
}
