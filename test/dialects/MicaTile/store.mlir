// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @store
func.func @store(%v: vector<16xf32>, %x: memref<?x656xbf16>, %m: index, %n: index) {
  // CHECK: tile.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}] along [1] : vector<16xf32>, memref<?x656xbf16>
  tile.store %v, %x[%m, %n] along [1] : vector<16xf32>, memref<?x656xbf16>
  return
}
