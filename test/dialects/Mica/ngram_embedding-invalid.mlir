// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @ngram_embedding_c1(%batch: !mica.batch, %table: !mica.weight<64, f32>) {
  // expected-error@below {{'mica.ngram_embedding' op expects table of 2 dimensions, but got 1}}
  %e = mica.ngram_embedding %batch, %table {n = 3 : i64, multiplier = 31 : i64} : !mica.weight<64, f32> -> tensor<?x64xf32>
  return
}

// -----

func.func @ngram_embedding_c2(%batch: !mica.batch, %table: !mica.weight<1000x64, f32>) {
  // expected-error@below {{'mica.ngram_embedding' op expects result to have 64 columns, but got 32}}
  %e = mica.ngram_embedding %batch, %table {n = 3 : i64, multiplier = 31 : i64} : !mica.weight<1000x64, f32> -> tensor<?x32xf32>
  return
}

// -----

func.func @ngram_embedding_c3(%batch: !mica.batch, %table: !mica.weight<1000x64, f32>) {
  // expected-error@below {{'mica.ngram_embedding' op expects n of 1 or more, but got 0}}
  %e = mica.ngram_embedding %batch, %table {n = 0 : i64, multiplier = 31 : i64} : !mica.weight<1000x64, f32> -> tensor<?x64xf32>
  return
}

// -----

func.func @ngram_embedding_c3(%batch: !mica.batch, %table: !mica.weight<1000x64, f32>) {
  // expected-error@below {{'mica.ngram_embedding' op expects an odd multiplier below 2^31, but got 30}}
  %e = mica.ngram_embedding %batch, %table {n = 3 : i64, multiplier = 30 : i64} : !mica.weight<1000x64, f32> -> tensor<?x64xf32>
  return
}
