// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @each
func.func @each(%n: index, %x: memref<?xi32>) {
  // CHECK:      tile.each %{{.*}} block 8 captures(%{{.*}} : memref<?xi32>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: memref<?xi32>):
  tile.each %n block 8 captures(%x : memref<?xi32>) {
  ^bb0(%m: index, %b: memref<?xi32>):
    %zero = arith.constant 0 : i32
    memref.store %zero, %b[%m] : memref<?xi32>
    tile.yield
  }
  return
}
