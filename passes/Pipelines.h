//===- Pipelines.h - The compiler, stage by stage ---------------*- C++ -*-===//
//
// Read this file and Pipelines.cpp first. Each stage is one function; the
// comment above it is the contract between stages, and
// `test/passes/pipelines.mlir` checks it.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_PIPELINES_H
#define PASSES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace mica {

/// Stage 0, graph. In: mica, arith, math and tensor ops as imported, with
/// `mica.target` and `mica.dtype` on the module. Out: the same; operands of
/// products in the precision in which they are multiplied.
void buildGraphPipeline(mlir::OpPassManager &pm);

/// Stage 1, group. Out: groups (one kernel each) in phases, values between them
/// in planned buffers, weights packed and named by symbol, with the functions
/// that pack them.
void buildGroupPipeline(mlir::OpPassManager &pm);

/// Stage 2, kernels. Out: `@mica_entry` and a function for each distinct layer,
/// of `tile` operations over memrefs; `tile.*` attributes for the manifest.
void buildKernelsPipeline(mlir::OpPassManager &pm);

/// Stage 3 for CPUs. Out: the LLVM dialect, with `mica_entry` of
/// `include/mica/abi.h` as its one symbol and the target's attributes on every
/// function.
void buildCPUPipeline(mlir::OpPassManager &pm);

/// Registers every pass, and every stage as a named pipeline `--mica-<stage>`.
void registerStages();

} // namespace mica

#endif // PASSES_PIPELINES_H
