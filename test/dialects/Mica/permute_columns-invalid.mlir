// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @permute_columns_c2(%x: tensor<?x64xf32>, %order: !mica.weight<64, f32>) {
  // expected-error@below {{'mica.permute_columns' op expects an order of 64 elements of i32, but got '!mica.weight<64, f32>'}}
  %y = mica.permute_columns %x, %order : tensor<?x64xf32>, !mica.weight<64, f32>
  return
}

// -----

func.func @permute_columns_c2_size(%x: tensor<?x64xf32>, %order: !mica.weight<32, i32>) {
  // expected-error@below {{'mica.permute_columns' op expects an order of 64 elements of i32, but got '!mica.weight<32, i32>'}}
  %y = mica.permute_columns %x, %order : tensor<?x64xf32>, !mica.weight<32, i32>
  return
}
