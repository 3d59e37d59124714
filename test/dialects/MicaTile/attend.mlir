// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @attend
func.func @attend(%q: memref<?x512xbf16>, %k: memref<?x2x4x2x32x16x2xbf16>,
                  %v: memref<?x2x4x4x16x16x2xbf16>, %l: index,
                  %tasks: memref<?x4xi32>, %page_start: memref<?xi32>,
                  %page: memref<?xi32>, %p: memref<?xi32>, %o: memref<?x512xf32>) {
  // CHECK: tile.attend %{{.*}}, %{{.*}}, %{{.*}} layer(%{{.*}}) tasks(%{{.*}}) pages(%{{.*}}, %{{.*}}) heads 8 key 64 value 64 scale 1.250000e-01 bits 16
  tile.attend %q, %k, %v layer(%l) tasks(%tasks) pages(%page_start, %page)
      heads 8 key 64 value 64 scale 0.125 bits 16 captures(%p, %o : memref<?xi32>, memref<?x512xf32>)
  // CHECK: bounds {
  bounds {
  ^bb0(%m: index, %pos: memref<?xi32>, %out: memref<?x512xf32>):
    %lo = arith.constant 0 : index
    %last = memref.load %pos[%m] : memref<?xi32>
    %hi = arith.index_cast %last : i32 to index
    tile.yield %lo, %hi, %hi : index, index, index
  // CHECK: } mask {
  // CHECK: } score {
  // CHECK: } output {
  } mask { } score { } output {
  ^bb0(%r: vector<64xf32>, %m: index, %n: index, %pos: memref<?xi32>, %out: memref<?x512xf32>):
    tile.store %r, %out[%m, %n] along [1] : vector<64xf32>, memref<?x512xf32>
    tile.yield
  } : memref<?x512xbf16>, memref<?x2x4x2x32x16x2xbf16>, memref<?x2x4x4x16x16x2xbf16>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}
