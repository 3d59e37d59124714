// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @phase
func.func @phase(%step: !tile.step, %worker: index, %workers: index) {
  // CHECK: tile.phase "qkv" id 1(%{{.*}}, %{{.*}}, %{{.*}}) {
  tile.phase "qkv" id 1 (%step, %worker, %workers) {
  }
  return
}
