//===- Variants.h - A model's code with other schedules ---------*- C++ -*-===//

#ifndef LIB_COMPILER_VARIANTS_H
#define LIB_COMPILER_VARIANTS_H

#include "dialects/MicaTile/Tile.h"
#include "lib/Compiler/Diagnostics.h"
#include "lib/Target/CPU/Target.h"
#include "mica/Compile.h"
#include "mica/abi.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <set>

namespace mica {

/// Products that take the same row: what they are (`cpu::describeKernel`), the
/// row's schedule, and the phases that they stand in.
struct Product {
  mlir::DictionaryAttr kernel;
  tile::ScheduleAttr schedule;
  std::set<uint32_t> phases;
};

/// Code of a model, in this process.
struct LoadedCode {
  std::shared_ptr<void> image; ///< holds what `entry` is in
  mica_entry entry;
  uint64_t workerBytes; ///< of the arena of each worker
};

/// A model at stage 2, from which code is made time and again. It runs on the
/// weights of the artifact that `compile` makes with the same options:
/// schedules change no layout, no arena but that of workers, and no result.
class ModelVariants {
public:
  /// Runs the stages up to kernels.
  static Expected<std::unique_ptr<ModelVariants>>
  create(const CompileOptions &options);

  mlir::MLIRContext &context() { return mlirContext; }
  const CPUTarget &target() const { return *cpu; }

  /// The distinct products with the rows that they take now.
  Expected<std::vector<Product>> products();

  /// Code in which `rows` come before the table of the CPU.
  Expected<LoadedCode> compile(mlir::ArrayAttr rows);

private:
  explicit ModelVariants(const CompileOptions &options);
  Status build(const CompileOptions &options);
  Error failure(const char *what) const;

  std::string input;
  mlir::MLIRContext mlirContext;
  DiagnosticKeeper keeper;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::optional<CPUTarget> cpu;
};

} // namespace mica

#endif // LIB_COMPILER_VARIANTS_H
