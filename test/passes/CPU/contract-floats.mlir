// RUN: mica-opt %s -split-input-file -mica-map-to-workers -canonicalize -cse | FileCheck %s

// Codes that stand for floats, by rows of floats. A table is one register of 16
// lanes; its entry times the scale is the weight, without an offset.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @table
func.func @table(%step: !tile.step, %worker: index, %workers: index,
                 %x: memref<?x80xbf16>, %w: memref<1x1x9x64xi8>) {
  // CHECK:     %[[TABLE:.*]] = arith.constant dense<[-1.000000e+00, {{.*}}]> : vector<16xf32>
  // CHECK-NOT: arith.sitofp
  // CHECK:     %[[W:.*]] = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%[[TABLE]],
  // CHECK:     arith.mulf %[[W]],
  // CHECK:     math.fma
  // CHECK-NOT: arith.sitofp
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 0, group = 64, scale = f32 floats = array<f32: -1.0, -0.7, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0>> terms 64 attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xbf16>, memref<1x1x9x64xi8>
  }
  return
}

// An e4m3 is an f16 with another bias: 2^8 belongs to the scale. Words are made
// such two at a time, then those of one k put together.
// CHECK-LABEL: func @e4m3
func.func @e4m3(%step: !tile.step, %worker: index, %workers: index,
                %x: memref<?x80xbf16>, %w: memref<1x1x17x64xi8>) {
  // CHECK-DAG: %[[UNIT:.*]] = arith.constant dense<2.560000e+02> : vector<16xf32>
  // CHECK-DAG: %[[BITS:.*]] = arith.constant dense<-16385> : vector<32xi16>
  // CHECK:     %[[SCALE:.*]] = arith.mulf %{{.*}}, %[[UNIT]]
  // CHECK:     %[[UP:.*]] = arith.shli %{{.*}} : vector<32xi16>
  // CHECK:     %[[DOWN:.*]] = arith.shrsi %[[UP]], %{{.*}} : vector<32xi16>
  // CHECK:     %[[HALF:.*]] = arith.andi %[[DOWN]], %[[BITS]]
  // CHECK:     %[[SORTED:.*]] = vector.shuffle %[[HALF]], %[[HALF]] [0, 2, {{.*}}, 30, 1, 3, {{.*}}, 31]
  // CHECK:     %[[CAST:.*]] = vector.bitcast %[[SORTED]] : vector<32xi16> to vector<32xf16>
  // CHECK:     %[[FIRST:.*]] = vector.extract_strided_slice %[[CAST]]
  // CHECK:     %[[W:.*]] = arith.extf %[[FIRST]]
  // CHECK:     arith.mulf %[[W]], %[[SCALE]]
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 8, zero = 0, group = 64, scale = f32 floats = f8E4M3FN> terms 64 attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xbf16>, memref<1x1x17x64xi8>
  }
  return
}
}

// -----

// Two registers of 8 lanes, by the code's highest bit.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @halves
func.func @halves(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x80xf32>, %w: memref<1x1x9x64xi8>) {
  // CHECK: %[[HIGH:.*]] = arith.cmpi ugt, %{{.*}}, %{{.*}} : vector<8xi32>
  // CHECK: %[[UPPER:.*]] = llvm.call_intrinsic "llvm.x86.avx2.permps"
  // CHECK: %[[LOWER:.*]] = llvm.call_intrinsic "llvm.x86.avx2.permps"
  // CHECK: arith.select %[[HIGH]], %[[UPPER]], %[[LOWER]]
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 0, group = 64, scale = f32 floats = array<f32: -1.0, -0.7, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0>> terms 64 attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xf32>, memref<1x1x9x64xi8>
  }
  return
}
}
