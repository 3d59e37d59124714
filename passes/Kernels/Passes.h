//===- Passes.h - Passes of this stage --------------------------*- C++ -*-===//

#ifndef PASSES_KERNELS_PASSES_H
#define PASSES_KERNELS_PASSES_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mica {
#define GEN_PASS_DECL
#include "passes/Kernels/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Kernels/Passes.h.inc"
} // namespace mica

#endif // PASSES_KERNELS_PASSES_H
