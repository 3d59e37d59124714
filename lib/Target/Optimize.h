//===- Optimize.h - LLVM's own pipeline -------------------------*- C++ -*-===//

#ifndef LIB_TARGET_OPTIMIZE_H
#define LIB_TARGET_OPTIMIZE_H

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Passes/PassBuilder.h"

namespace mica {

/// Optimizes `module` with the default pipeline of `builder` at `level`.
/// `library` says which functions calls may be replaced by and read as; null
/// for those of the module's triple.
void optimize(llvm::Module &module, llvm::PassBuilder &builder,
              llvm::OptimizationLevel level,
              const llvm::TargetLibraryInfoImpl *library = nullptr);

} // namespace mica

#endif // LIB_TARGET_OPTIMIZE_H
