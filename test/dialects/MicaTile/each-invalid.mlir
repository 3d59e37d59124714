// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @each_c1(%n: index, %x: memref<?xi32>) {
  // expected-error@below {{'tile.each' op expects}}
  tile.each %n block 8 captures(%x : memref<?xi32>) {
  ^bb0(%m: index):
    tile.yield
  }
  return
}

// -----

func.func @each_c2(%n: index) {
  // expected-error@below {{'tile.each' op expects a positive block, but got 0}}
  tile.each %n block 0 {
  ^bb0(%m: index):
    tile.yield
  }
  return
}
