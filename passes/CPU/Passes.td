//===- Passes.td - Stage 3 for CPUs: kernels to machine code -*- tablegen -*-===//
//
// In:  phases of tile operations in functions (stage 2), `mica.target`,
//      `tile.slots` and `tile.worker_bytes` on the module.
// Out: the LLVM dialect; `mica_entry` as in include/mica/abi.h and no other
//      symbol outside the module.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_CPU_PASSES_TD
#define PASSES_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignSchedulesPass
    : Pass<"mica-assign-schedules", "::mlir::ModuleOp"> {
  let summary = "give each kernel the row of the target's schedule table";
  let description = [{
    Picks the table by `mica.target` (`schedules/*.mlir`) and, in it, the first
    row whose operation agrees, and the element types, `columns`, `terms` and
    `blocks` that it names (`passes/CPU/ScheduleRows.h`). Rows that the module has
    (`tile.schedules`) come before those of the table; one that says what file it
    is `from` is cited by a remark. A kernel that has a schedule keeps it.

    Example (`test/passes/CPU/assign-schedules.mlir`):

    ```mlir
    // Before:
    tile.rows %T columns 64 granule 16 apply {
    } kinds []

    // After:
    tile.rows %T columns 64 granule 16
        attributes {schedule = #tile.schedule<rows = [1], panels = [1], block = 4, unit = 64, unroll = 1, prefetch = 0>}
        apply {
    } kinds []
    ```
  }];
  let dependentDialects = ["::mica::MicaDialect", "::mica::tile::TileDialect"];
}

def MapToWorkersPass : Pass<"mica-map-to-workers", "::mlir::func::FuncOp"> {
  let summary = "make phases loops over tasks that workers draw";
  let description = [{
    The operations of a phase share one flattened space of tasks. Every worker
    draws the next one until none is left; which operation it belongs to is found
    by uniform comparisons; a barrier follows.

    Example (`test/passes/CPU/map-to-workers.mlir`):

    ```mlir
    // Before:
    tile.phase "p" id 1 (%step, %worker, %workers) {
      tile.rows %T columns 64 granule 16 attributes {schedule = #s} apply {
      } kinds []
    }

    // After:
    %first = tile.next_task %step
    scf.while (%t = %first) : (index) -> index {
      %more = arith.cmpi ult, %t, %tasks : index
      scf.condition(%more) %t : index
    } do {
    ^bb0(%t: index):
      %next = tile.next_task %step
      scf.yield %next : index
    }
    tile.barrier %step, %worker, %workers id 1
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
  ];
}

def RecordInstructionsPass : Pass<"mica-record-instructions", "::mlir::ModuleOp"> {
  let summary = "say which instructions multiply in each phase";
  let description = [{
    Sets `tile.instructions` of the module, one string for each phase, from the
    operations before its barrier: dot products in their order or, without any,
    `vfmadd231ps` (on AArch64 `fmla`) where there are multiply-adds. The manifest and `mica explain`
    repeat it, so that they tell what the kernels chose.

    Example (`test/passes/CPU/record-instructions.mlir`):

    ```mlir
    %0 = math.fma %x, %x, %x : vector<16xf32>
    tile.barrier %step, %worker, %workers id 0

    // After:
    module attributes {tile.instructions = ["vfmadd231ps"]}
    ```
  }];
}

def LowerSegmentsPass : Pass<"mica-lower-segments", "::mlir::func::FuncOp"> {
  let summary = "make row segments vector or scalar accesses";
  let description = [{
    A segment that is contiguous in memory becomes one vector access, one of
    which runs of elements are contiguous (pairs of bf16 in a cache block) becomes
    an access for each run, any other one for each element. Reductions of vectors
    become balanced trees.

    Example (`test/passes/CPU/lower-segments.mlir`):

    ```mlir
    // Before:
    %v = tile.load %x[%m, %n] along [1] : memref<?x64xf32>, vector<16xf32>

    // After:
    %v = vector.load %x[%m, %n] : memref<?x64xf32>, vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::vector::VectorDialect"];
}

def ExpandMathPass : Pass<"mica-expand-math", "::mlir::func::FuncOp"> {
  let summary = "make functions and conversions instructions of the target";
  let description = [{
    Replaces functions that would be calls by polynomials, with these bounds
    (checked against libm by `test/e2e/test_kernels.py`):

    | function | bound | range |
    |---|---|---|
    | exp, exp2 | 2 ulp | results that are normal numbers |
    | tanh, erf | 2e-7 absolute | all |
    | sin, cos | 1e-7 absolute | arguments up to 2^20 |
    | log | 4 ulp | positive normal numbers |

    Conversions between bf16 and f32 become integer operations, to nearest even,
    except those that the target has (`+avx512bf16`, on AArch64 `+bf16`).

    Example (`test/passes/CPU/expand-math.mlir`):

    ```mlir
    // Before:
    %y = arith.extf %x : vector<16xbf16> to vector<16xf32>

    // After:
    %i = arith.bitcast %x : vector<16xbf16> to vector<16xi16>
    %w = arith.extui %i : vector<16xi16> to vector<16xi32>
    %s = arith.shli %w, %c16 : vector<16xi32>
    %y = arith.bitcast %s : vector<16xi32> to vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def ConvertToLLVMPass : Pass<"mica-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "convert everything that is left to the LLVM dialect";
  let description = [{
    Arith, cf, func, math, memref, vector and the tile operations that read the
    step; field offsets come from include/mica/abi.h. Functions become internal
    and carry the target's attributes. Floating point carries no fast-math flag:
    products and sums are fused where `math.fma` says so. Were LLVM free to
    choose, the copies of an epilogue behind two row tiles could round apart, and
    a row's bits would depend on who shares its batch.

    Example (`test/passes/CPU/convert-to-llvm.mlir`):

    ```mlir
    // Before:
    %T = tile.count %step rows

    // After:
    %p = llvm.getelementptr inbounds %step[4] : (!llvm.ptr) -> !llvm.ptr, i8
    %i = llvm.load %p invariant : !llvm.ptr -> i32
    %T = llvm.zext %i : i32 to i64
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def VerifyNoExternalPass
    : Pass<"mica-verify-no-external", "::mlir::ModuleOp"> {
  let summary = "refuse a module that needs symbols from outside";
  let description = [{
    The code image has no relocations, so each function has a body, calls are of
    functions of the module, and no operation becomes a call of libm or libc.

    Example (`test/passes/CPU/verify-no-external.mlir`):

    ```mlir
    llvm.func @expf(f32) -> f32
    ```
  }];
}

#endif // PASSES_CPU_PASSES_TD
