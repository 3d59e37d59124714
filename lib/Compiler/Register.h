//===- Register.h - What the compiler's tools have in common ----*- C++ -*-===//

#ifndef LIB_COMPILER_REGISTER_H
#define LIB_COMPILER_REGISTER_H

#include "mlir/IR/DialectRegistry.h"

namespace mica {

/// Adds every dialect that a stage of the compiler reads or makes, and
/// registers every pass and every stage.
void registerCompiler(mlir::DialectRegistry &registry);

} // namespace mica

#endif // LIB_COMPILER_REGISTER_H
