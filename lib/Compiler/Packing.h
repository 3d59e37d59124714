//===- Packing.h - From packed weights in IR to jobs ------------*- C++ -*-===//

#ifndef LIB_COMPILER_PACKING_H
#define LIB_COMPILER_PACKING_H

#include "dialects/Mica/Mica.h"
#include "lib/Pack/Packer.h"
#include "lib/Target/CPU/HostImage.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mica {

/// Moves what is done while compiling, pack functions and weights, from
/// `module` to a module of its own: stage 3 is for the model's code only.
mlir::OwningOpRef<mlir::ModuleOp> takePacking(mlir::ModuleOp module);

/// Puts it back in front of what `module` holds.
void returnPacking(mlir::ModuleOp packing, mlir::ModuleOp module);

/// Whether every weight that kernels of `module` read is packed by `packing` as
/// by `first`: code for several CPUs runs on one copy. Else the weight by name.
Status checkSamePacking(mlir::ModuleOp module, mlir::ModuleOp packing,
                        mlir::ModuleOp first);

/// Pack functions as code of this process, whatever the model's code is for.
class PackCode {
public:
  /// Of a copy of `packing`. Fails on an internal error only.
  static Expected<PackCode> compile(mlir::ModuleOp packing);

  /// Null if there is no such function.
  PackFunction *find(llvm::StringRef name) const {
    return image.find<PackFunction>(name.str());
  }

private:
  explicit PackCode(HostImage image) : image(std::move(image)) {}
  HostImage image;
};

/// The stored rows of the unpacked `weight`, which has sources.
Expected<WeightReader> makeReader(WeightOp weight,
                                  const Checkpoint &checkpoint);

/// What a conversion while packing did, for `explain`: "q4_k weights unpacked
/// to bf16", with the number of weights.
using Conversions = std::map<std::string, int64_t>;

/// The job that makes the packed `weight`, one of `symbols`, from `checkpoint`.
/// Adds to `conversions`.
Expected<PackJob> makePackJob(WeightOp weight, const mlir::SymbolTable &symbols,
                              const PackCode &code,
                              const Checkpoint &checkpoint,
                              Conversions &conversions);

} // namespace mica

#endif // LIB_COMPILER_PACKING_H
