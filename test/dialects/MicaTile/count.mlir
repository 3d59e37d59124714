// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @count
func.func @count(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.count %{{.*}} rows
  %T = tile.count %step rows
  return
}
