// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @buffer
func.func @buffer(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.buffer %{{.*}}, %{{.*}} arena row offset 2560 : memref<?x656xf32>
  %x = tile.buffer %step, %worker arena row offset 2560 : memref<?x656xf32>
  // CHECK: arena row offset 5184 each 8 : memref<?x64xf32>
  %y = tile.buffer %step, %worker arena row offset 5184 each 8 : memref<?x64xf32>
  return
}
