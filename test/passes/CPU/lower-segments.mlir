// RUN: mica-opt %s -mica-lower-segments -split-input-file | FileCheck %s

// CHECK-LABEL: func @contiguous
func.func @contiguous(%x: memref<?x64xf32>, %m: index, %n: index) -> vector<16xf32> {
  // CHECK:      %[[V:.*]] = vector.load %{{.*}}[%{{.*}}, %{{.*}}] : memref<?x64xf32>, vector<16xf32>
  // CHECK-NEXT: return %[[V]]
  %v = tile.load %x[%m, %n] along [1] : memref<?x64xf32>, vector<16xf32>
  return %v : vector<16xf32>
}

// CHECK-LABEL: func @round
func.func @round(%v: vector<16xf32>, %x: memref<?x64xbf16>, %m: index, %n: index) {
  // CHECK: %[[V:.*]] = arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
  // CHECK: vector.store %[[V]], %{{.*}} : memref<?x64xbf16>, vector<16xbf16>
  tile.store %v, %x[%m, %n] along [1] : vector<16xf32>, memref<?x64xbf16>
  return
}

// Pairs side by side, each pair a stride further: a store for each pair, since
// the segment begins at an even element.
// CHECK-LABEL: func @pairs
func.func @pairs(%v: vector<16xf32>, %k: memref<?x32x16x2xbf16>, %p: index) {
  %c0 = arith.constant 0 : index
  // CHECK-COUNT-8: vector.store {{.*}} vector<2xbf16>
  // CHECK-NOT:     vector.store
  tile.store %v, %k[%p, %c0, %p, %c0] along [1, 3] : vector<16xf32>, memref<?x32x16x2xbf16>
  return
}

// It may begin anywhere: an access for each element.
// CHECK-LABEL: func @anywhere
func.func @anywhere(%v: vector<16xf32>, %k: memref<?x32x16x2xbf16>, %p: index) {
  %c0 = arith.constant 0 : index
  // CHECK-COUNT-16: vector.store {{.*}} vector<1xbf16>
  tile.store %v, %k[%p, %c0, %p, %p] along [1, 3] : vector<16xf32>, memref<?x32x16x2xbf16>
  return
}

// A balanced tree: two registers, then halves.
// CHECK-LABEL: func @reduce
func.func @reduce(%v: vector<32xf32>) -> f32 {
  // CHECK:         arith.addf %{{.*}}, %{{.*}} : vector<16xf32>
  // CHECK:         arith.addf %{{.*}}, %{{.*}} : vector<8xf32>
  // CHECK:         arith.addf %{{.*}}, %{{.*}} : vector<4xf32>
  // CHECK:         arith.addf %{{.*}}, %{{.*}} : vector<2xf32>
  // CHECK:         arith.addf %{{.*}}, %{{.*}} : vector<1xf32>
  %s = vector.reduction <add>, %v : vector<32xf32> into f32
  return %s : f32
}
