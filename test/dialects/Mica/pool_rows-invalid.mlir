// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @pool_rows_c1(%x: tensor<?x64xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.pool_rows' op expects result to have 64 columns, but got 32}}
  %y = mica.pool_rows %x, %batch {kind = #mica.pooling<last>} : tensor<?x64xf32> -> tensor<?x32xf32>
  return
}
