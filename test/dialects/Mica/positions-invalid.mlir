// RUN: mica-opt %s -split-input-file -verify-diagnostics

// One integer a row: a matrix has no meaning here.
func.func @positions_rank(%batch: !mica.batch) {
  // expected-error@below {{'mica.positions' op result #0 must be 1D tensor of 32-bit signless integer values, but got 'tensor<?x4xi32>'}}
  %rows = mica.positions %batch : tensor<?x4xi32>
  return
}
