// RUN: mica-opt %s -mica-map-to-workers -canonicalize -cse | FileCheck %s

// Of the row tiles only the smaller ones prefetch their weights.
#few = #tile.schedule<rows = [2, 1], panels = [1, 1], block = 2, unit = 16, unroll = 1, prefetch = 512>
// Passes over 64 of 128 k; two row tiles of a block share what comes next.
#many = #tile.schedule<rows = [32, 1], panels = [2, 2], block = 64, unit = 32, unroll = 1, prefetch = 0, depth = 64>
// Of a block format: the two runs of a block, of nine lines, are a step each.
#spread = #tile.schedule<rows = [4, 1], panels = [1, 1], block = 4, unit = 16, unroll = 1, prefetch = [1024, 512]>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "+amx-bf16", vector_bits = 512, panel = 16, max_granule = 512, dot = [bf16]>} {

// CHECK-LABEL: func @few_rows
func.func @few_rows(%step: !tile.step, %worker: index, %workers: index,
                    %x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // CHECK-NOT:     memref.prefetch
  // CHECK-COUNT-2: math.fma
  // CHECK:         memref.prefetch %{{.*}} read, locality<2>, data : memref<2048xf32>
  // CHECK-NOT:     memref.prefetch
  // CHECK:         math.fma
  // CHECK-NOT:     memref.prefetch
  // CHECK-NOT:     math.fma
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 64 granule 16 attributes {schedule = #few} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x32xf32>, memref<4x32x16x1xf32>
  }
  // CHECK: return
  return
}

// CHECK-LABEL: func @many_rows
func.func @many_rows(%step: !tile.step, %worker: index, %workers: index,
                     %x: memref<?x128xbf16>, %w: memref<8x64x16x2xbf16>) {
  // The panels behind these at the same k, or the first ones' next part of k.
  // CHECK:          %[[NEXT:.*]] = arith.select
  // CHECK:          scf.for %[[M:.*]] =
  // CHECK:            scf.for %[[K:.*]] =
  // Half of 16 lines of either panel; then half of the sums of the next 32 rows.
  // CHECK-COUNT-16:     memref.prefetch {{.*}}, locality<2>
  // CHECK-COUNT-32:     memref.prefetch {{.*}}, locality<3>
  // CHECK-NOT:          memref.prefetch
  // CHECK-COUNT-4:      llvm.call_intrinsic "llvm.x86.tdpbf16ps
  // CHECK-NOT:          locality<2>
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 128 granule 16 attributes {schedule = #many} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x128xbf16>, memref<8x64x16x2xbf16>
  }
  // CHECK: return
  return
}

// CHECK-LABEL: func @spread
func.func @spread(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x80xi8>, %w: memref<4x1x9x64xi8>) {
  // Five lines a step: two before the first two rows, three before the others.
  // CHECK-COUNT-2: memref.prefetch {{.*}}, locality<2>
  // CHECK-NOT:     memref.prefetch
  // CHECK:         llvm.call_intrinsic "llvm.x86.avx512.pmaddubs
  // CHECK-COUNT-3: memref.prefetch
  // CHECK-NOT:     memref.prefetch
  // CHECK:         llvm.call_intrinsic
  // One row asks for its run at once.
  // CHECK:         arith.addi %{{.*}}, %c512
  // CHECK-COUNT-5: memref.prefetch
  // CHECK-NOT:     memref.prefetch
  // CHECK:         llvm.call_intrinsic
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 64 granule 16 blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32 part 32 zero 8> attributes {schedule = #spread} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xi8>, memref<4x1x9x64xi8>
  }
  // CHECK: return
  return
}

}
