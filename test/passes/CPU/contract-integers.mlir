// RUN: mica-opt %s -split-input-file -mica-map-to-workers -canonicalize -cse | FileCheck %s

// Q4_0 by rows of i8 with VNNI. Two groups of 32 lie in a block; each has eight
// dwords of codes, of which four stand in the high halves of four lines.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512vnni", vector_bits = 512, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @vnni
func.func @vnni(%step: !tile.step, %worker: index, %workers: index,
                %x: memref<?x320xi8>, %w: memref<1x4x9x64xi8>) {
  // CHECK-DAG: %[[MASK:.*]] = arith.constant dense<252645135> : vector<16xi32>
  // CHECK-DAG: %[[SHIFT:.*]] = arith.constant dense<0x4B400000> : vector<16xf32>
  // Block by block: the row has 3 * 2^22 less 8 times its sum, where the integer
  // sum begins.
  // CHECK:         scf.for
  // CHECK:           %[[BEGIN:.*]] = vector.broadcast %{{.*}} : i32 to vector<16xi32>
  // CHECK:           %[[LOW:.*]] = arith.andi %{{.*}}, %[[MASK]]
  // CHECK:           llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%[[BEGIN]],
  // CHECK-COUNT-7:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
  // CHECK-NOT:       vpdpbusd
  // Then the scale of the weights, and that of the row.
  // CHECK:           %[[TOTAL:.*]] = arith.subf %{{.*}}, %[[SHIFT]]
  // CHECK:           arith.mulf %[[TOTAL]],
  // CHECK:           math.fma
  // CHECK-COUNT-8:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
  // CHECK-NOT:       vpdpbusd
  // CHECK:           scf.yield
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 256 groups <32 part 32 zero 8> attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x320xi8>, memref<1x4x9x64xi8>
  }
  return
}
}

// -----

// Q6_K. The narrow plane of bits lies first: loads go up the lines. A tile of one
// vector opens the codes of a run once, eight dwords of them, for all its rows, of
// which two are under way at a time; each has a sum for either group of 16.
#rows = #tile.schedule<rows = [3, 1], panels = [1, 1], block = 6, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512vnni", vector_bits = 512, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @row_by_row
func.func @row_by_row(%step: !tile.step, %worker: index, %workers: index,
                      %x: memref<?x352xi8>, %w: memref<1x1x53x64xi8>) {
  // CHECK-COUNT-4: arith.ori {{.*}} : vector<16xi32>
  // CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
  // CHECK-NOT:     vpdpbusd
  // CHECK:         math.fma
  // CHECK-COUNT-4: arith.ori
  // CHECK-NOT:     arith.ori
  // CHECK:         scf.yield
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 6, zero = 32, group = 16, scale = f16 super = 256> terms 256 groups <32 zero 32> attributes {schedule = #rows} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x352xi8>, memref<1x1x53x64xi8>
  }
  return
}
}

// -----

// The same with AVX2: half a panel is a vector. Products of 4 bits and 7 fit 16
// bits over a whole group, so there is one widening for eight dwords.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @avx2
func.func @avx2(%step: !tile.step, %worker: index, %workers: index,
                %x: memref<?x80xi8>, %w: memref<1x1x9x64xi8>) {
  // CHECK-COUNT-15: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
  // CHECK:          llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
  // CHECK-NEXT:     arith.addi
  // CHECK:          llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
  // CHECK:          llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
  // CHECK-NOT:      pmadd
  // CHECK:          arith.subf %{{.*}} : vector<8xf32>
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32 part 32 zero 8> attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xi8>, memref<1x1x9x64xi8>
  }
  return
}
}

// -----

// Codes of 8 bits do not: their sign moves over to the row.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @signs
func.func @signs(%step: !tile.step, %worker: index, %workers: index,
                 %x: memref<?x80xi8>, %w: memref<1x1x17x64xi8>) {
  // CHECK:     llvm.call_intrinsic "llvm.x86.avx2.psign.b"
  // CHECK:     llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 8, zero = 128, group = 32, scale = f16> terms 64 groups <32 part 32 zero 128> attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xi8>, memref<1x1x17x64xi8>
  }
  return
}
}

// -----

// Rows of other sums, for products with weights that differ in their zeros: over
// 16 columns here, two of which begin the sum of a group.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512vnni", vector_bits = 512, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @plain_sums
func.func @plain_sums(%step: !tile.step, %worker: index, %workers: index,
                      %x: memref<?x88xi8>, %w: memref<1x1x9x64xi8>) {
  // CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<-8.000000e+00> : vector<16xf32>
  // CHECK-DAG: %[[SHIFT:.*]] = arith.constant dense<0x4B400000> : vector<16xf32>
  // CHECK:     %[[SUM:.*]] = arith.addf
  // CHECK:     %[[BEGIN:.*]] = math.fma %[[SUM]], %[[ZERO]], %[[SHIFT]]
  // CHECK:     %[[BITS:.*]] = vector.bitcast %[[BEGIN]]
  // CHECK:     "llvm.x86.avx512.vpdpbusd.512"(%[[BITS]],
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32> attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x88xi8>, memref<1x1x9x64xi8>
  }
  return
}
}

// -----

// Rows of floats: weights become f32, with their scale and zero in one step.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @decode
func.func @decode(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x64xf32>, %w: memref<1x1x9x64xi8>) {
  // CHECK:          %[[SCALE:.*]] = arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
  // CHECK:          %[[OFFSET:.*]] = arith.mulf %[[SCALE]], %{{.*}} : vector<16xf32>
  // CHECK:          %[[CODE:.*]] = arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
  // CHECK:          %[[WEIGHT:.*]] = math.fma %[[CODE]], %[[SCALE]], %[[OFFSET]] : vector<16xf32>
  // CHECK:          math.fma %[[WEIGHT]],
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x64xf32>, memref<1x1x9x64xi8>
  }
  return
}
}
