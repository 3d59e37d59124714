//===- Stages.h - The stages by name ----------------------------*- C++ -*-===//

#ifndef LIB_COMPILER_STAGES_H
#define LIB_COMPILER_STAGES_H

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mica {

/// A stage as `--stop-after` and `--start-from` name it.
struct Stage {
  llvm::StringLiteral name;
  /// Null for `import`, which reads a checkpoint.
  void (*build)(mlir::OpPassManager &pm);
};

/// All stages in order; the first one is `import`.
llvm::ArrayRef<Stage> allStages();

/// The place of the stage `name`; -1 if there is none.
int findStage(llvm::StringRef name);

} // namespace mica

#endif // LIB_COMPILER_STAGES_H
