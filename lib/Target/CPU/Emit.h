//===- Emit.h - From the LLVM dialect to code -------------------*- C++ -*-===//
//
// Stage 3 to 4. In: a module in the LLVM dialect. Out: LLVM IR, assembly, an
// object, or one position-independent image, all in process.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TARGET_CPU_EMIT_H
#define LIB_TARGET_CPU_EMIT_H

#include "lib/Target/CPU/FlatImage.h"
#include "lib/Target/CPU/Target.h"

namespace mica {

/// What `emitCode` returns: IR and assembly are text, an object is ELF.
enum class EmitKind { LLVM, Asm, Object };

/// Optimizes `module` for `target` and returns it as `kind`. The same module
/// and target give the same bytes. Products and sums are fused only where the
/// module says so (fma), so a formula's bits do not depend on what surrounds
/// it.
Expected<std::string> emitCode(mlir::ModuleOp module, const CPUTarget &target,
                               EmitKind kind);

/// The same as one image, of which every public function is a symbol.
Expected<FlatImage> emitImage(mlir::ModuleOp module, const CPUTarget &target);

} // namespace mica

#endif // LIB_TARGET_CPU_EMIT_H
