// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @next_task
func.func @next_task(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.next_task %{{.*}}
  %task = tile.next_task %step
  return
}
