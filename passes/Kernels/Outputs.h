//===- Outputs.h - Where phases leave the rows of ops -----------*- C++ -*-===//

#ifndef PASSES_KERNELS_OUTPUTS_H
#define PASSES_KERNELS_OUTPUTS_H

#include "passes/Kernels/KernelContext.h"
#include "llvm/ADT/StringSet.h"

namespace mica {

/// Collects `tile.outputs`: for every named value that a group stores, the
/// phase behind which it lies in memory, and where (docs/artifact.md).
class OutputTable {
public:
  /// Adds what `group`, of `function`, stores in phase `phase`.
  void add(KernelContext &context, mlir::func::FuncOp function, GroupOp group,
           int64_t phase);
  mlir::ArrayAttr get(mlir::MLIRContext *context) const;

private:
  /// Where rows lie; `offset` and `arena` as in docs/artifact.md.
  struct Place {
    llvm::StringRef arena;
    int64_t offset, stride;
    mlir::Type element;
    llvm::StringRef role;
    int64_t bf16From = 0; // rows; 0: never
  };
  /// Adds `value`, which `group` computes and leaves in `place`.
  void add(mlir::func::FuncOp function, GroupOp group, int64_t phase,
           mlir::Value value, const Place &place);

  llvm::SmallVector<mlir::Attribute> entries;
  llvm::StringSet<> seen; // functions and names
};

/// `tile.stack`: for each layer its function and the place of its cache.
mlir::ArrayAttr describeLayers(StackOp stack);

} // namespace mica

#endif // PASSES_KERNELS_OUTPUTS_H
