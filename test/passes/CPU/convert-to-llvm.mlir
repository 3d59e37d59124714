// RUN: mica-opt %s -split-input-file -mica-convert-to-llvm -cse | FileCheck %s

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>,
                   tile.slots = 16 : i64, tile.worker_bytes = 4096 : i64} {

// The entry has the signature of the ABI; the offsets are those of abi.h.
// CHECK-LABEL: llvm.func @mica_entry
// CHECK-SAME:    (%[[STEP:.*]]: !llvm.ptr, %[[W:.*]]: i32, %[[WS:.*]]: i32)
// CHECK-SAME:    passthrough = ["no-builtins", ["denormal-fp-math", "preserve-sign,preserve-sign"], ["prefer-vector-width", "512"], ["min-legal-vector-width", "512"]]
// CHECK-SAME:    target_cpu = "x86-64-v4"
// CHECK-SAME:    target_features = #llvm.target_features<["+avx512bf16"]>
func.func @mica_entry(%step: !tile.step, %worker: index, %workers: index)
    attributes {tile.entry} {
  // CHECK: llvm.zext %[[W]] : i32 to i64
  func.call @count(%step) : (!tile.step) -> index
  func.call @weight(%step, %worker) : (!tile.step, index) -> f32
  func.call @workspace(%step, %worker) : (!tile.step, index) -> f32
  func.call @cache(%step) : (!tile.step) -> i32
  // CHECK: %[[P:.*]] = llvm.getelementptr inbounds %[[STEP]][104]
  // CHECK: %[[SYNC:.*]] = llvm.load %[[P]] invariant : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[N:.*]] = llvm.getelementptr inbounds %[[SYNC]][64]
  // CHECK: llvm.atomicrmw add %[[N]], %{{.*}} monotonic : !llvm.ptr, i32
  %t = tile.next_task %step
  // CHECK: %[[S:.*]] = llvm.load %{{.*}} invariant : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[F:.*]] = llvm.getelementptr inbounds %[[S]][0]
  // CHECK: %[[B:.*]] = llvm.load %[[F]] invariant : !llvm.ptr -> !llvm.ptr
  // CHECK: llvm.call %[[B]](%[[S]], %{{.*}}, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i32, i32, i32) -> ()
  tile.barrier %step, %worker, %workers id 7
  return
}

// CHECK-LABEL: llvm.func internal @count
func.func private @count(%step: !tile.step) -> index {
  // CHECK: %[[P:.*]] = llvm.getelementptr inbounds %{{.*}}[4] : (!llvm.ptr) -> !llvm.ptr, i8
  // CHECK: %[[I:.*]] = llvm.load %[[P]] invariant : !llvm.ptr -> i32
  // CHECK: llvm.zext %[[I]] : i32 to i64
  %T = tile.count %step rows
  return %T : index
}

// CHECK-LABEL: llvm.func internal @weight
func.func private @weight(%step: !tile.step, %layer: index) -> f32 {
  // 16 slots of 8 bytes a layer, slot 2.
  // CHECK-DAG: %[[C:.*]] = llvm.mlir.constant(128 : i64)
  // CHECK-DAG: llvm.getelementptr inbounds %{{.*}}[64]
  // CHECK:     llvm.mul %{{.*}}, %[[C]]
  // CHECK:     llvm.getelementptr inbounds %{{.*}}[16]
  %w = tile.weight %step, %layer slot 2 : memref<64xf32>
  %c3 = arith.constant 3 : index
  %v = memref.load %w[%c3] : memref<64xf32>
  return %v : f32
}

// CHECK-LABEL: llvm.func internal @workspace
func.func private @workspace(%step: !tile.step, %worker: index) -> f32 {
  // Arena 1 begins 2560 bytes an output row from its base.
  // CHECK-DAG: llvm.mlir.constant(2560 : i64)
  // CHECK-DAG: llvm.getelementptr inbounds %{{.*}}[80]
  %x = tile.buffer %step, %worker arena out offset 2560 : memref<?x656xf32>
  // Arena 2: worker * 4096 + 64.
  // CHECK-DAG: llvm.mlir.constant(4096 : i64)
  // CHECK-DAG: llvm.getelementptr inbounds %{{.*}}[88]
  %y = tile.buffer %step, %worker arena worker offset 64 : memref<16xf32>
  %c0 = arith.constant 0 : index
  %a = memref.load %x[%c0, %c0] : memref<?x656xf32>
  %b = memref.load %y[%c0] : memref<16xf32>
  %s = arith.addf %a, %b : f32
  return %s : f32
}

// CHECK-LABEL: llvm.func internal @cache
func.func private @cache(%step: !tile.step) -> i32 {
  // The second group begins 40 bytes on, its pages 24 further.
  // CHECK: llvm.getelementptr inbounds %{{.*}}[48]
  // CHECK: llvm.getelementptr inbounds %{{.*}}[64]
  %page = tile.kv_table %step group 1 page : memref<?xi32>
  %c0 = arith.constant 0 : index
  %p = memref.load %page[%c0] : memref<?xi32>
  return %p : i32
}

}

// -----

// LLVM has no CPU of a level of Arm, which is a feature there.
module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "+dotprod", vector_bits = 128, panel = 16, max_granule = 256, dot = []>} {

// CHECK-LABEL: llvm.func internal @arm
// CHECK-SAME:    target_cpu = "generic"
// CHECK-SAME:    target_features = #llvm.target_features<["+v8.2a", "+dotprod"]>
// CHECK-SAME:    tune_cpu = "neoverse-n1"
func.func private @arm() {
  return
}

}
