// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @quantize_c1(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.quantize' op expects result to have 64 columns, but got 32}}
  %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x32xbf16>
  return
}

// -----

func.func @quantize_c2(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.quantize' op expects i8 in groups that divide the columns, or floats, but got 'tensor<?x64xi8>'}}
  %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8>
  return
}

// -----

func.func @quantize_c2_columns(%x: tensor<?x48xf32>) {
  // expected-error@below {{'mica.quantize' op expects i8 in groups that divide the columns, or floats, but got 'tensor<?x48xi8, #tile.groups<32>>'}}
  %q = mica.quantize %x : tensor<?x48xf32> -> tensor<?x48xi8, #tile.groups<32>>
  return
}

// -----

func.func @quantize_c2_floats(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.quantize' op expects i8 in groups that divide the columns, or floats, but got 'tensor<?x64xbf16, #tile.groups<32>>'}}
  %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xbf16, #tile.groups<32>>
  return
}
