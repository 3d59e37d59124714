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

/// Registers every pass, and every stage as a named pipeline `--mica-<stage>`.
void registerStages();

} // namespace mica

#endif // PASSES_PIPELINES_H
