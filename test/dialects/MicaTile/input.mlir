// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @input
func.func @input(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.input %{{.*}} token : memref<?xi32>
  %token = tile.input %step token : memref<?xi32>
  return
}
