// RUN: mica-opt %s -split-input-file -verify-diagnostics

// One integer a row: a matrix has no meaning here.
func.func @tokens_rank(%batch: !mica.batch) {
  // expected-error@below {{'mica.tokens' op result #0 must be 1D tensor of 32-bit signless integer values, but got 'tensor<?x4xi32>'}}
  %rows = mica.tokens %batch : tensor<?x4xi32>
  return
}
