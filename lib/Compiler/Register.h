//===- Register.h - What the compiler's tools have in common ----*- C++ -*-===//

#ifndef LIB_COMPILER_REGISTER_H
#define LIB_COMPILER_REGISTER_H

#include "mlir/IR/DialectRegistry.h"

namespace mica {

/// Registers every pass and every stage, and returns every dialect that a stage
/// of the compiler reads or makes.
mlir::DialectRegistry registerCompiler();

} // namespace mica

#endif // LIB_COMPILER_REGISTER_H
