//===- Target.h - CPUs that code is generated for ---------------*- C++ -*-===//

#ifndef LIB_TARGET_CPU_TARGET_H
#define LIB_TARGET_CPU_TARGET_H

#include "dialects/Mica/Mica.h"
#include "mica/Status.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace mica {

/// A CPU as LLVM names it, and what the earlier stages may know of it.
struct CPUTarget {
  std::string triple = "x86_64-unknown-linux-gnu";
  std::string cpu;      ///< "x86-64-v3" or "x86-64-v4".
  std::string features; ///< "+avx512bf16,+…", or empty.
  int64_t vectorBits = 256;
  bool dotBF16 = false; ///< Whether pairs of bf16 are multiplied directly.

  /// Whether there are tile registers of bf16.
  bool hasTiles() const {
    return dotBF16 && features.find("+amx-bf16") != std::string::npos;
  }
};

/// Resolves `native`, `x86-64-v3` or `x86-64-v4`, the last two optionally
/// followed by features: `x86-64-v4+avx512bf16`. `native` is the level that
/// this machine reaches.
Expected<CPUTarget> resolveCPU(llvm::StringRef spec);

/// A CPU of a list, as the list has it, and what it stands for.
struct NamedCPU {
  std::string spec;
  CPUTarget target;
};

/// Resolves a list with commas, in which none stands twice; the best one first:
/// the highest level, and of one level the most features.
Expected<std::vector<NamedCPU>> resolveCPUs(llvm::StringRef list);

/// The `#mica.target` attribute of `target`: panels of 16, granules up to 256.
TargetAttr getTargetAttr(mlir::MLIRContext *context, const CPUTarget &target);

/// The target that `module` was made for: its attribute `mica.target`.
Expected<CPUTarget> getTarget(mlir::ModuleOp module);

} // namespace mica

#endif // LIB_TARGET_CPU_TARGET_H
