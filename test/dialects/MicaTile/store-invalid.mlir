// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @store_c1(%x: memref<?x64xf32>, %m: index, %v: vector<16xf32>) {
  // expected-error@below {{'tile.store' op expects 2 indices, one per dimension of the buffer, but got 1}}
  tile.store %v, %x[%m] along [1] : vector<16xf32>, memref<?x64xf32>
  return
}

// -----

func.func @store_c2(%x: memref<?x64xf32>, %m: index, %v: vector<16xf32>) {
  // expected-error@below {{'tile.store' op expects `along` to name ascending dimensions of the buffer, but got 0}}
  tile.store %v, %x[%m, %m] along [1, 0] : vector<16xf32>, memref<?x64xf32>
  return
}

// -----

func.func @store_c2_none(%x: memref<?x64xf32>, %m: index, %v: vector<16xf32>) {
  // expected-error@below {{'tile.store' op expects `along` to name a dimension, but got none}}
  tile.store %v, %x[%m, %m] along [] : vector<16xf32>, memref<?x64xf32>
  return
}

// -----

func.func @store_c3(%x: memref<?x64xi32>, %m: index, %v: vector<16xf32>) {
  // expected-error@below {{'tile.store' op expects elements of f32, bf16, f16 or i8, but got 'i32'}}
  tile.store %v, %x[%m, %m] along [1] : vector<16xf32>, memref<?x64xi32>
  return
}
