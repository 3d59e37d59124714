// RUN: mica-opt %s -mica-record-instructions | FileCheck %s

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
