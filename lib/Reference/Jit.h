//===- Jit.h - Code of this process -----------------------------*- C++ -*-===//

#ifndef LIB_REFERENCE_JIT_H
#define LIB_REFERENCE_JIT_H

#include "mica/Status.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

namespace mica {

/// A module in the LLVM dialect as code of this process, linked against it.
class Jit {
public:
  /// `capture` is what the module calls as `_mlir_ciface_mica_capture`.
  static Expected<Jit> compile(mlir::ModuleOp module, void *capture);

  /// The address of a function or global of the module; null if there is none.
  void *find(llvm::StringRef name) const;

private:
  explicit Jit(std::unique_ptr<llvm::orc::LLJIT> jit) : jit(std::move(jit)) {}
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace mica

#endif // LIB_REFERENCE_JIT_H
