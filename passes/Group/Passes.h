//===- Passes.h - Passes of this stage --------------------------*- C++ -*-===//

#ifndef PASSES_GROUP_PASSES_H
#define PASSES_GROUP_PASSES_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mica {
#define GEN_PASS_DECL
#include "passes/Group/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Group/Passes.h.inc"
} // namespace mica

#endif // PASSES_GROUP_PASSES_H
