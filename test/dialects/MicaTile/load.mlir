// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @load
func.func @load(%x: memref<?x656xbf16>, %m: index, %n: index) -> vector<16xf32> {
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] along [1] : memref<?x656xbf16>, vector<16xf32>
  %v = tile.load %x[%m, %n] along [1] : memref<?x656xbf16>, vector<16xf32>
  return %v : vector<16xf32>
}

// Pairs of a cache block: element e is at [e / 2, e % 2] of the last and the
// third dimension.
// CHECK-LABEL: func @load_pairs
func.func @load_pairs(%x: memref<8x32x16x2xbf16>, %i: index) -> vector<64xf32> {
  // CHECK: along [1, 3]
  %c0 = arith.constant 0 : index
  %v = tile.load %x[%i, %c0, %i, %c0] along [1, 3] : memref<8x32x16x2xbf16>, vector<64xf32>
  return %v : vector<64xf32>
}
