// RUN: mica-opt %s -split-input-file -verify-diagnostics

mica.weight @norm : !mica.weight<64, f32>

func.func @get_weight_c1() {
  // expected-error@below {{'mica.get_weight' op expects a weight of type '!mica.weight<32, f32>', but @norm is '!mica.weight<64, f32>'}}
  %w = mica.get_weight @norm : !mica.weight<32, f32>
  return
}

// -----

func.func @get_weight_c1() {
  // expected-error@below {{'mica.get_weight' op expects @norm to be a mica.weight}}
  %w = mica.get_weight @norm : !mica.weight<64, f32>
  return
}
