//===- Packing.h - From packed weights in IR to jobs ------------*- C++ -*-===//

#ifndef LIB_COMPILER_PACKING_H
#define LIB_COMPILER_PACKING_H

#include "dialects/Mica/Mica.h"
#include "lib/Pack/Packer.h"
#include "lib/Target/CPU/HostImage.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mica {

/// Moves the functions with `mica.pack_function` from `module` to a module of
/// their own: stages behind the second are for the model's code only.
mlir::OwningOpRef<mlir::ModuleOp> takePackFunctions(mlir::ModuleOp module);

/// Puts them back in front of `module`.
void returnPackFunctions(mlir::ModuleOp packs, mlir::ModuleOp module);

/// Pack functions as code of this process, for any x86-64-v3 machine.
class PackCode {
public:
  /// Fails on an internal error only.
  static Expected<PackCode> compile(mlir::ModuleOp packs);

  /// Null if there is no such function.
  PackFunction *find(llvm::StringRef name) const {
    return image.find<PackFunction>(name.str());
  }

private:
  explicit PackCode(HostImage image) : image(std::move(image)) {}
  HostImage image;
};

/// What a conversion while packing did, for `explain`: "q4_k weights unpacked
/// to bf16", with the number of weights.
using Conversions = std::map<std::string, int64_t>;

/// The job that makes the packed `weight` of `module` from `checkpoint`. Adds
/// to `conversions`.
Expected<PackJob> makePackJob(WeightOp weight, const mlir::SymbolTable &symbols,
                              const PackCode &code,
                              const Checkpoint &checkpoint,
                              Conversions &conversions);

} // namespace mica

#endif // LIB_COMPILER_PACKING_H
