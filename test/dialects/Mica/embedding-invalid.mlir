// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @embedding_c1(%ids: tensor<?xi32>, %table: !mica.weight<64, f32>) {
  // expected-error@below {{'mica.embedding' op expects table of 2 dimensions, but got 1}}
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<64, f32> -> tensor<?x64xf32>
  return
}

// -----

func.func @embedding_c2(%ids: tensor<?xi32>, %table: !mica.weight<1000x64, f32>) {
  // expected-error@below {{'mica.embedding' op expects result to have 64 columns, but got 32}}
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<1000x64, f32> -> tensor<?x32xf32>
  return
}

// -----

func.func @embedding_c3(%ids: tensor<?xi32>, %table: !mica.weight<2x64, f32>) {
  // expected-error@below {{'mica.embedding' op expects a row among 2, but got 2}}
  %x = mica.embedding %ids, %table {row = 2 : i64} : tensor<?xi32>, !mica.weight<2x64, f32> -> tensor<?x64xf32>
  return
}
