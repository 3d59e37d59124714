// RUN: mica-opt %s -mica-lower-packing -split-input-file -verify-diagnostics

// expected-error@below {{expects one mica.pack in a pack function}}
func.func @two_packs(%a: !mica.weight<16x16, f32>) -> !mica.weight<16x16, f16>
    attributes {mica.pack_function} {
  %p = mica.pack %a : (!mica.weight<16x16, f32>) -> !mica.weight<16x16, bf16>
  %q = mica.pack %p : (!mica.weight<16x16, bf16>) -> !mica.weight<16x16, f16>
  return %q : !mica.weight<16x16, f16>
}

// -----

// expected-error@below {{expects a pack function to pack its arguments, in order}}
func.func @other_order(%a: !mica.weight<16x16, f32>, %b: !mica.weight<16x16, f32>)
    -> !mica.weight<32x16, f16> attributes {mica.pack_function} {
  %p = mica.pack %b, %a : (!mica.weight<16x16, f32>, !mica.weight<16x16, f32>) -> !mica.weight<32x16, f16>
  return %p : !mica.weight<32x16, f16>
}
