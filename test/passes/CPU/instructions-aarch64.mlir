// RUN: mica-opt %s -split-input-file -mica-map-to-workers -canonicalize -cse | FileCheck %s

// Codes of 8 bits by sdot: signed, so that their zero is 0, and a panel of 16 rows
// in four registers, one after the other. A dword of the row is one of four that a
// register holds.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "+dotprod", vector_bits = 128, panel = 16, max_granule = 256, dot = []>} {
// CHECK-LABEL: func @signed
func.func @signed(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x80xi8>, %w: memref<1x1x17x64xi8>) {
  // CHECK-DAG:  %[[SIGN:.*]] = arith.constant dense<-128> : vector<16xi8>
  // CHECK-DAG:  %[[BEGIN:.*]] = arith.constant dense<0> : vector<4xi32>
  // CHECK:      %[[BYTES:.*]] = vector.load %{{.*}} : memref<?x80xi8>, vector<16xi8>
  // CHECK:      %[[FOUR:.*]] = vector.bitcast %[[BYTES]] : vector<16xi8> to vector<4xi32>
  // CHECK:      vector.extract %[[FOUR]][0]
  // CHECK:      %[[CODES:.*]] = arith.xori %{{.*}}, %[[SIGN]]
  // CHECK:      llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%[[BEGIN]], %[[CODES]],
  // CHECK:      vector.extract %[[FOUR]][1]
  // CHECK-COUNT-7: "llvm.aarch64.neon.sdot.v4i32.v16i8"
  // CHECK-NEXT: arith.sitofp
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

// usdot takes them as they are.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "+dotprod,+i8mm", vector_bits = 128, panel = 16, max_granule = 256, dot = []>} {
// CHECK-LABEL: func @mixed
func.func @mixed(%step: !tile.step, %worker: index, %workers: index,
                 %x: memref<?x80xi8>, %w: memref<1x1x17x64xi8>) {
  // CHECK-NOT: arith.xori
  // CHECK:     "llvm.aarch64.neon.usdot.v4i32.v16i8"
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

// Without either, products of 4 bits and 7 fit 16 bits over a whole group, which is
// then widened once. The entries of a table come from a register.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "", vector_bits = 128, panel = 16, max_granule = 256, dot = []>} {
// CHECK-LABEL: func @narrow
func.func @narrow(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x80xi8>, %w: memref<1x1x9x64xi8>) {
  // CHECK-COUNT-16: "llvm.aarch64.neon.smull.v8i16"
  // CHECK-COUNT-2:  "llvm.aarch64.neon.saddlp.v4i32.v8i16"
  // CHECK-NOT:      "llvm.aarch64.neon.saddlp
  // CHECK:          arith.sitofp
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 0, group = 32, scale = f16> terms 64 groups <32 part 32 zero 0> attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xi8>, memref<1x1x9x64xi8>
  }
  return
}

// CHECK-LABEL: func @values
func.func @values(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x80xi8>, %w: memref<1x1x9x64xi8>) {
  // CHECK-DAG: %[[TABLE:.*]] = arith.constant dense<[0, 23, 44, 62, 78, 92, 105, 117, -128, {{.*}}]> : vector<16xi8>
  // CHECK:     "llvm.aarch64.neon.tbl1.v16i8"(%[[TABLE]],
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 0, group = 32, scale = f16 values = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]> terms 64 groups <32 part 32 zero 0> attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x80xi8>, memref<1x1x9x64xi8>
  }
  return
}

// A table of 16 floats is four registers of bytes: those of entry c from 4 c on.
// CHECK-LABEL: func @floats
func.func @floats(%step: !tile.step, %worker: index, %workers: index,
                  %x: memref<?x64xf32>, %w: memref<1x1x9x64xi8>) {
  // CHECK-DAG: %[[FOUR:.*]] = arith.constant dense<67372036> : vector<4xi32>
  // CHECK-DAG: %[[BYTES:.*]] = arith.constant dense<50462976> : vector<4xi32>
  // CHECK:     %[[FIRST:.*]] = arith.muli %{{.*}}, %[[FOUR]]
  // CHECK:     %[[ALL:.*]] = arith.addi %[[FIRST]], %[[BYTES]]
  // CHECK:     %[[AT:.*]] = vector.bitcast %[[ALL]]
  // CHECK:     "llvm.aarch64.neon.tbl4.v16i8"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[AT]])
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 blocks <bits = 4, zero = 0, group = 64, scale = f32 floats = array<f32: -1.0, -0.7, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0>> terms 64 attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x64xf32>, memref<1x1x9x64xi8>
  }
  return
}
}

// -----

// Pairs of bf16: a panel's sums are four registers.
#one = #tile.schedule<rows = [1], panels = [1], block = 2, unit = 16, unroll = 1, prefetch = 0>

module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "+bf16", vector_bits = 128, panel = 16, max_granule = 256, dot = [bf16]>} {
// CHECK-LABEL: func @pairs
func.func @pairs(%step: !tile.step, %worker: index, %workers: index,
                 %x: memref<?x32xbf16>, %w: memref<1x16x16x2xbf16>) {
  // CHECK:         scf.for
  // CHECK-COUNT-4: "llvm.aarch64.neon.bfdot.v4f32.v8bf16"
  // CHECK-NOT:     bfdot
  // CHECK:         scf.yield
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 16 granule 16 attributes {schedule = #one} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x32xbf16>, memref<1x16x16x2xbf16>
  }
  return
}
}
