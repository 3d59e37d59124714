// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @logits_mask_c2(%x: tensor<?x97xf32>, %m: tensor<?x3xi32>) {
  // expected-error@below {{'mica.logits_mask' op expects mask to have 4 columns, but got 3}}
  %y = mica.logits_mask %x, %m : tensor<?x97xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @logits_mask_c3(%x: tensor<?x97xf32>, %m: !mica.weight<97, f32>) {
  // expected-error@below {{'mica.logits_mask' op expects mask to be a vector of 97 elements of i32, but got '!mica.weight<97, f32>'}}
  %y = mica.logits_mask %x, %m : tensor<?x97xf32>, !mica.weight<97, f32>
  return
}
