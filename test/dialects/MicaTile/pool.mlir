// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @pool
func.func @pool(%step: !tile.step, %worker: index, %workers: index, %layer: index) {
  // CHECK: tile.pool %{{.*}} group 0 : memref<?x16x8x2x32x16x2xbf16, strided<
  %k = tile.pool %step group 0 : memref<?x16x8x2x32x16x2xbf16, strided<[524288, 32768, 4096, 1024, 32, 2, 1]>>
  return
}
