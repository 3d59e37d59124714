// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @dispatch_c1(%x: tensor<?x64xbf16>, %s: tensor<?x8xi32>) {
  // expected-error@below {{'mica.dispatch' op expects result to be [rows, 8, 64], but got 'tensor<?x4x64xbf16>'}}
  %y = mica.dispatch %x, %s : tensor<?x64xbf16>, tensor<?x8xi32> -> tensor<?x4x64xbf16>
  return
}

// -----

func.func @dispatch_c2(%x: tensor<?x64xbf16>, %s: tensor<?x8xi32>) {
  // expected-error@below {{'mica.dispatch' op expects result to have the elements of 'tensor<?x64xbf16>', but got 'tensor<?x8x64xf32>'}}
  %y = mica.dispatch %x, %s : tensor<?x64xbf16>, tensor<?x8xi32> -> tensor<?x8x64xf32>
  return
}
