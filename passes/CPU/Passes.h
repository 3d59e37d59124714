//===- Passes.h - Passes of this stage --------------------------*- C++ -*-===//

#ifndef PASSES_CPU_PASSES_H
#define PASSES_CPU_PASSES_H

#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Tile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace mica {
#define GEN_PASS_DECL
#include "passes/CPU/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/CPU/Passes.h.inc"
} // namespace mica

#endif // PASSES_CPU_PASSES_H
