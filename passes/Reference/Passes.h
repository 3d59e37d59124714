//===- Passes.h - The reference: naive loops --------------------*- C++ -*-===//

#ifndef PASSES_REFERENCE_PASSES_H
#define PASSES_REFERENCE_PASSES_H

#include "dialects/Mica/Mica.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace mica {
#define GEN_PASS_DECL
#include "passes/Reference/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Reference/Passes.h.inc"

/// In: what `--mica-reference` leaves. Out: the LLVM dialect, ready to be run;
/// mathematical functions are calls of the C library.
void buildReferenceToLLVMPipeline(mlir::OpPassManager &pm);

/// Registers `--mica-reference` and `--mica-reference-to-llvm`.
void registerReference();

} // namespace mica

#endif // PASSES_REFERENCE_PASSES_H
