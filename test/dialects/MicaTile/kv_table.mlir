// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_table
func.func @kv_table(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.kv_table %{{.*}} group 0 slot : memref<?xi32>
  %slot = tile.kv_table %step group 0 slot : memref<?xi32>
  return
}
