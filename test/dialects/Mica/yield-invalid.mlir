// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @yield_parent(%y: tensor<?x96xf32>) {
  // expected-error@below {{'mica.yield' op expects parent op 'mica.group'}}
  mica.yield %y : tensor<?x96xf32>
}
