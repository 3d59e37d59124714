// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @quantize_c1(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.quantize' op expects result to have 64 columns, but got 32}}
  %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x32xbf16>
  return
}
