//===- BuildModel.h - A model description as mica IR ------------*- C++ -*-===//

#ifndef LIB_IMPORT_BUILDMODEL_H
#define LIB_IMPORT_BUILDMODEL_H

#include "lib/Import/ModelWeights.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mica {

/// What the model is built for.
struct BuildOptions {
  TargetAttr target;
  /// The type of float weights.
  mlir::Type dtype;
  /// The element type of the cache.
  mlir::Type cache;
  /// Tokens of a cache page: a multiple of 16.
  int64_t page = 32;
  ChooseFormat quantize = {};
};

/// The stage-0 module of `model`: one function for each distinct kind of layer,
/// `@step` over a batch and the caches (one for each window), and a
/// `mica.weight` for each tensor. Knows switches, no families.
mlir::OwningOpRef<mlir::ModuleOp> buildModel(mlir::MLIRContext *context,
                                             const Checkpoint &checkpoint,
                                             const ModelDescription &model,
                                             const BuildOptions &options);

} // namespace mica

#endif // LIB_IMPORT_BUILDMODEL_H
