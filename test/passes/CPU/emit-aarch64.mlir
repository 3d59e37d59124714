// Code for AArch64: the level is a feature of LLVM's generic CPU, products are
// fused only where the module says so, constants are found by pages, and
// atomics of the level (LSE) need no call.
//
// RUN: mica-translate %s --cpu=armv8.2-a --emit=asm | FileCheck %s
// RUN: mica-translate %s --cpu=armv8.2-a+dotprod --emit=llvm \
// RUN:   | FileCheck %s --check-prefix=LLVM
// RUN: mica-translate %s --cpu=armv8.2-a --emit=image -o %t \
// RUN:   | FileCheck %s --check-prefix=TABLE

// TABLE-DAG: {{[0-9]+}} next
// TABLE-DAG: {{[0-9]+}} scale

// LLVM: target triple = "aarch64-unknown-linux-gnu"
// LLVM: "target-cpu"="generic"
// LLVM-SAME: "target-features"="+v8.2a,+dotprod"

// CHECK-LABEL: scale:
// CHECK:         adrp [[PAGE:x[0-9]+]], [[CONSTANT:\.LCPI[0-9_]+]]
// CHECK:         ldr q{{[0-9]+}}, {{\[}}[[PAGE]], :lo12:[[CONSTANT]]]
// CHECK:         fmul v{{[0-9]+}}.4s
// CHECK:         fadd v{{[0-9]+}}.4s
llvm.func @scale(%p: !llvm.ptr) {
  %v = llvm.load %p : !llvm.ptr -> vector<4xf32>
  %c = llvm.mlir.constant(dense<[1.5, 2.5, 3.5, 4.5]> : vector<4xf32>) : vector<4xf32>
  %m = llvm.fmul %v, %c : vector<4xf32>
  %s = llvm.fadd %m, %v : vector<4xf32>
  llvm.store %s, %p : vector<4xf32>, !llvm.ptr
  llvm.return
}

// CHECK-LABEL: next:
// CHECK-NOT:     bl
// CHECK:         ldadd
llvm.func @next(%p: !llvm.ptr) -> i32 {
  %one = llvm.mlir.constant(1 : i32) : i32
  %n = llvm.atomicrmw add %p, %one monotonic : !llvm.ptr, i32
  llvm.return %n : i32
}
