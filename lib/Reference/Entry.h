//===- Entry.h - A function without arguments for a model -------*- C++ -*-===//

#ifndef LIB_REFERENCE_ENTRY_H
#define LIB_REFERENCE_ENTRY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mica {

/// Adds `mica_run()`, which calls `function`, of buffers and indices. Argument
/// i is read from the global `mica_argument_<i>` (a memref's descriptor, or an
/// index), result 0, a memref, is left in `mica_result`.
void addEntry(mlir::ModuleOp module, mlir::func::FuncOp function);

} // namespace mica

#endif // LIB_REFERENCE_ENTRY_H
