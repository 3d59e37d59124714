// RUN: mica-opt %s -split-input-file -mica-record-instructions | FileCheck %s

// CHECK: module attributes {tile.instructions = ["vfmadd231ps", "tdpbf16ps, vdpbf16ps", ""]}
module {
  func.func @layer(%step: !tile.step, %worker: index, %workers: index, %x: vector<16xf32>, %p: vector<32xbf16>, %c: i1) {
    %0 = math.fma %x, %x, %x : vector<16xf32>
    tile.barrier %step, %worker, %workers id 0
    // Tiles for whole blocks, pairs for what is left; a function of its own
    // multiplies and adds.
    scf.if %c {
      %t = llvm.mlir.constant(0 : i8) : i8
      llvm.call_intrinsic "llvm.x86.tdpbf16ps"(%t, %t, %t) : (i8, i8, i8) -> ()
    } else {
      %s = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%x, %p, %p) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
    }
    %1 = math.fma %x, %x, %x : vector<16xf32>
    tile.barrier %step, %worker, %workers id 1
    return
  }

  // Nothing multiplies.
  func.func @entry(%step: !tile.step, %worker: index, %workers: index, %x: vector<16xf32>) {
    %0 = arith.addf %x, %x : vector<16xf32>
    tile.barrier %step, %worker, %workers id 2
    return
  }
}

// -----

// AArch64 has its own names.
// CHECK: tile.instructions = ["fmla", "usdot, bfdot"]
module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "+i8mm,+bf16", vector_bits = 128, panel = 16, max_granule = 256, dot = [bf16]>} {
  func.func @layer(%step: !tile.step, %worker: index, %workers: index, %x: vector<4xf32>, %i: vector<4xi32>, %b: vector<16xi8>, %p: vector<8xbf16>) {
    %0 = math.fma %x, %x, %x : vector<4xf32>
    tile.barrier %step, %worker, %workers id 0
    %1 = llvm.call_intrinsic "llvm.aarch64.neon.usdot.v4i32.v16i8"(%i, %b, %b) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
    %2 = llvm.call_intrinsic "llvm.aarch64.neon.bfdot.v4f32.v8bf16"(%x, %p, %p) : (vector<4xf32>, vector<8xbf16>, vector<8xbf16>) -> vector<4xf32>
    tile.barrier %step, %worker, %workers id 1
    return
  }
}
