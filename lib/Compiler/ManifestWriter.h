//===- ManifestWriter.h - What an artifact says about itself ----*- C++ -*-===//

#ifndef LIB_COMPILER_MANIFESTWRITER_H
#define LIB_COMPILER_MANIFESTWRITER_H

#include "lib/Compiler/Diagnostics.h"
#include "lib/Target/CPU/Target.h"
#include "runtime/Chat/ChatSource.h"
#include "llvm/ADT/StringMap.h"

namespace mica {

/// What the manifest says of a code image: the attributes of the module that it
/// was made from, and more.
struct ManifestParts {
  mlir::ModuleOp module;
  const CPUTarget &target;
  uint64_t entry;                           ///< of the code image
  const llvm::StringMap<uint64_t> &offsets; ///< of packed weights, by symbol
  uint64_t weightBytes;
  int64_t maxRows;
  const std::vector<Remark> &remarks;
  ChatSource chat = {};
};

/// The manifest (runtime/Manifest.h) of an artifact with these images, from the
/// attributes that the stages leave: `mica.model` and `tile.*`. Fails where one
/// is missing.
Expected<std::string> writeManifest(llvm::ArrayRef<ManifestParts> images);

} // namespace mica

#endif // LIB_COMPILER_MANIFESTWRITER_H
