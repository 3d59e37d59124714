//===- Target.h - CPUs that code is generated for ---------------*- C++ -*-===//

#ifndef LIB_TARGET_CPU_TARGET_H
#define LIB_TARGET_CPU_TARGET_H

#include "dialects/Mica/Mica.h"
#include "mica/Status.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace mica {

/// A CPU by its level, and what the earlier stages may know of it.
struct CPUTarget {
  std::string cpu;      ///< "x86-64-v3", "x86-64-v4" or "armv8.2-a".
  std::string features; ///< "+avx512bf16,+…", or empty.
  int64_t vectorBits = 256;
  bool dotBF16 = false; ///< Whether pairs of bf16 are multiplied directly.

  bool isAArch64() const { return llvm::StringRef(cpu).starts_with("armv"); }
  /// "aarch64" or "x86_64".
  std::string architecture() const;

  /// The same in LLVM's words. A level of Arm is a feature there, not a CPU.
  std::string triple() const;
  std::string llvmCPU() const;
  std::string llvmFeatures() const;

  /// Whether there are tile registers of bf16.
  bool hasTiles() const {
    return dotBF16 && features.find("+amx-bf16") != std::string::npos;
  }
};

/// Resolves `native`, `x86-64-v3`, `x86-64-v4` or `armv8.2-a`, the levels
/// optionally followed by features: `x86-64-v4+avx512bf16`. `native` is the
/// level that this machine reaches.
Expected<CPUTarget> resolveCPU(llvm::StringRef spec);

/// The level that an x86-64 machine with the features `host`, as LLVM finds
/// them, reaches, with those of them that change code.
Expected<CPUTarget> resolveX86(const llvm::StringMap<bool> &host);

/// The level that an AArch64 machine with `features`, as LLVM finds them,
/// reaches, with those of them that change code.
Expected<CPUTarget> resolveArm(const llvm::StringMap<bool> &features);

/// This machine's, as `CPUTarget::architecture` has it.
llvm::StringRef hostArchitecture();

/// The level that every machine of this one's architecture with Mica has.
llvm::StringRef hostBaseline();

/// A CPU of a list, as the list has it, and what it stands for.
struct NamedCPU {
  std::string spec;
  CPUTarget target;
};

/// Resolves a list with commas, all of one architecture, in which none stands
/// twice; the best one first: the highest level, and of one level the most
/// features.
Expected<std::vector<NamedCPU>> resolveCPUs(llvm::StringRef list);

/// The `#mica.target` attribute of `target`: panels of 16, granules up to 256.
TargetAttr getTargetAttr(mlir::MLIRContext *context, const CPUTarget &target);

/// The target that `module` was made for: its attribute `mica.target`.
Expected<CPUTarget> getTarget(mlir::ModuleOp module);

} // namespace mica

#endif // LIB_TARGET_CPU_TARGET_H
