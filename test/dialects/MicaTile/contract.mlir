// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @contract
func.func @contract(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>, %o: memref<?x64xf32>) {
  // CHECK:      tile.contract %{{.*}}, %{{.*}} columns 64 granule 16 captures(%{{.*}} : memref<?x64xf32>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: vector<16xf32>, %{{.*}}: index, %{{.*}}: index, %{{.*}}: memref<?x64xf32>):
  tile.contract %x, %w columns 64 granule 16 captures(%o : memref<?x64xf32>) {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %out: memref<?x64xf32>):
    tile.store %acc, %out[%m, %n] along [1] : vector<16xf32>, memref<?x64xf32>
    // CHECK: tile.yield
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// CHECK-LABEL: func @elastic
func.func @elastic(%x: memref<?x32xbf16>, %w: memref<3x16x16x2xbf16>) {
  // CHECK: columns 40 granule 16 elastic
  tile.contract %x, %w columns 40 granule 16 elastic {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xbf16>, memref<3x16x16x2xbf16>
  return
}

// CHECK-LABEL: func @integers
func.func @integers(%x: memref<?x128xi8>, %w: memref<4x1x9x64xi8>) {
  // CHECK: columns 64 granule 16 blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32>
  tile.contract %x, %w columns 64 granule 16
      blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32> {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x128xi8>, memref<4x1x9x64xi8>
  return
}

// CHECK-LABEL: func @rounded
func.func @rounded(%x: memref<?x64xbf16>, %w: memref<4x1x9x64xi8>) {
  // CHECK: terms 64 attributes {round_weights_from = 8 : i64} {
  tile.contract %x, %w columns 64 granule 16
      blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 attributes {round_weights_from = 8 : i64} {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xbf16>, memref<4x1x9x64xi8>
  return
}

// CHECK-LABEL: func @grouped
func.func @grouped(%x: memref<?x32xf32>, %w: memref<12x32x16x1xf32>, %o: memref<?x2xi32>) {
  // CHECK: runs(%{{.*}} : memref<?x2xi32>) parts 3 columns 64 granule 16 captures(%{{.*}} : memref<?x2xi32>)
  tile.contract %x, %w runs(%o : memref<?x2xi32>) parts 3 columns 64 granule 16
      captures(%o : memref<?x2xi32>) {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %runs: memref<?x2xi32>):
    tile.yield
  } : memref<?x32xf32>, memref<12x32x16x1xf32>
  return
}

// CHECK-LABEL: func @heads
func.func @heads(%x: memref<?x72xf32>, %w: memref<6x32x16x1xf32>) {
  // CHECK: tile.contract %{{.*}}, %{{.*}} parts 3 steps 20 to 40 columns 32 granule 16
  tile.contract %x, %w parts 3 steps 20 to 40 columns 32 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x72xf32>, memref<6x32x16x1xf32>
  return
}
