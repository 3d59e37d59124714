// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @weight
func.func @weight(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.weight %{{.*}}, %{{.*}} slot 2 : memref<40x20x16x2xbf16>
  %w = tile.weight %step, %layer slot 2 : memref<40x20x16x2xbf16>
  return
}
