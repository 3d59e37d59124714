//===- StepToLLVM.h - Tile operations that read the step --------*- C++ -*-===//

#ifndef PASSES_CPU_STEPTOLLVM_H
#define PASSES_CPU_STEPTOLLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/PatternMatch.h"

namespace mica::cpu {

/// The sizes that stage 2 leaves on the module.
struct StepSizes {
  int64_t slots;       // weights a layer
  int64_t workerBytes; // of the arena of workers
};

/// Adds the conversion of `!tile.step` to `converter`, and patterns for the
/// operations that read it.
void populateStepToLLVM(mlir::LLVMTypeConverter &converter,
                        mlir::RewritePatternSet &patterns, StepSizes sizes);

} // namespace mica::cpu

#endif // PASSES_CPU_STEPTOLLVM_H
