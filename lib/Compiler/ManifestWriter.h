//===- ManifestWriter.h - What an artifact says about itself ----*- C++ -*-===//

#ifndef LIB_COMPILER_MANIFESTWRITER_H
#define LIB_COMPILER_MANIFESTWRITER_H

#include "lib/Compiler/Diagnostics.h"
#include "lib/Target/CPU/Target.h"
#include "runtime/Chat/ChatSource.h"
#include "llvm/ADT/StringMap.h"

namespace mica {

/// What the manifest says beyond the attributes of the module.
struct ManifestParts {
  const CPUTarget &target;
  uint64_t entry;                           ///< of the code image
  const llvm::StringMap<uint64_t> &offsets; ///< of packed weights, by symbol
  uint64_t weightBytes;
  int64_t maxRows;
  const std::vector<Remark> &remarks;
  ChatSource chat = {};
};

/// The manifest (runtime/Manifest.h) of `module`, from the attributes that the
/// stages leave: `mica.model` and `tile.*`. Fails where one is missing.
Expected<std::string> writeManifest(mlir::ModuleOp module,
                                    const ManifestParts &parts);

} // namespace mica

#endif // LIB_COMPILER_MANIFESTWRITER_H
