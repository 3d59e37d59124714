//===- Source.h - What is compiled, read -----------------------*- C++ -*-===//

#ifndef LIB_COMPILER_SOURCE_H
#define LIB_COMPILER_SOURCE_H

#include "lib/Compiler/Diagnostics.h"
#include "lib/Import/Checkpoint.h"
#include "mica/Compile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <optional>

namespace mica {

/// The attribute of a module that names what was compiled: a checkpoint or a
/// hand-written module, from which stage 0 can be made again. It is the path as
/// it was given, so that equal models have equal artifacts anywhere.
inline constexpr llvm::StringLiteral kSourceAttribute = "mica.source";

/// A module as it was imported or parsed. It has `mica.target` and
/// `mica.dtype`.
struct Source {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// What its weights come from; of a module, once `openCheckpoint` has run.
  std::optional<Checkpoint> checkpoint;
  std::vector<std::string> warnings;
};

/// Reads `options.input`. `finished` is called with the name of each part.
Expected<Source>
readSource(mlir::MLIRContext &context, const CompileOptions &options,
           const DiagnosticKeeper &keeper,
           const std::function<void(const char *part)> &finished = {});

/// Opens the checkpoint of a module that was read from `file`: that of its
/// attribute `mica.checkpoint`, relative to `file`.
Status openCheckpoint(Source &source, const std::string &file);

} // namespace mica

#endif // LIB_COMPILER_SOURCE_H
