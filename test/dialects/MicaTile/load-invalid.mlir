// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @load_c1(%x: memref<?x64xf32>, %m: index) {
  // expected-error@below {{'tile.load' op expects 2 indices, one per dimension of the buffer, but got 1}}
  %v = tile.load %x[%m] along [1] : memref<?x64xf32>, vector<16xf32>
  return
}

// -----

func.func @load_c2(%x: memref<?x64xf32>, %m: index) {
  // expected-error@below {{'tile.load' op expects `along` to name ascending dimensions of the buffer, but got 0}}
  %v = tile.load %x[%m, %m] along [1, 0] : memref<?x64xf32>, vector<16xf32>
  return
}

// -----

func.func @load_c2_none(%x: memref<?x64xf32>, %m: index) {
  // expected-error@below {{'tile.load' op expects `along` to name a dimension, but got none}}
  %v = tile.load %x[%m, %m] along [] : memref<?x64xf32>, vector<16xf32>
  return
}

// -----

func.func @load_c3(%x: memref<?x64xi32>, %m: index) {
  // expected-error@below {{'tile.load' op expects elements of f32, bf16 or f16, but got 'i32'}}
  %v = tile.load %x[%m, %m] along [1] : memref<?x64xi32>, vector<16xf32>
  return
}
