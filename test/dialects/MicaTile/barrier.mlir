// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @barrier
func.func @barrier(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.barrier %{{.*}}, %{{.*}}, %{{.*}} id 1
  tile.barrier %step, %worker, %workers id 1
  return
}
