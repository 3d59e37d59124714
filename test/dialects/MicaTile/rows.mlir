// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @rows
func.func @rows(%T: index, %x: memref<?x64xf32>) {
  // CHECK:      tile.rows %{{.*}} columns 64 granule 16 captures(%{{.*}} : memref<?x64xf32>) apply {
  // CHECK:      } kinds []
  tile.rows %T columns 64 granule 16 captures(%x : memref<?x64xf32>)
  apply {
  ^bb0(%m: index, %n: index, %b: memref<?x64xf32>):
    %v = tile.load %b[%m, %n] along [1] : memref<?x64xf32>, vector<16xf32>
    %d = arith.addf %v, %v : vector<16xf32>
    tile.store %d, %b[%m, %n] along [1] : vector<16xf32>, memref<?x64xf32>
    tile.yield
  } kinds []
  return
}

// CHECK-LABEL: func @rows_stats
func.func @rows_stats(%T: index, %x: memref<?x64xf32>) {
  tile.rows %T columns 64 granule 16 captures(%x : memref<?x64xf32>)
  apply {
  ^bb0(%m: index, %n: index, %sum: f32, %b: memref<?x64xf32>):
    tile.yield
  // CHECK: } kinds ["add"] {
  } kinds ["add"] {
  ^bb0(%m: index, %n: index, %b: memref<?x64xf32>):
    %v = tile.load %b[%m, %n] along [1] : memref<?x64xf32>, vector<16xf32>
    // CHECK: tile.yield %{{.*}} : vector<16xf32>
    tile.yield %v : vector<16xf32>
  }
  return
}
