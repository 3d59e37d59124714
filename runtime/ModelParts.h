//===- ModelParts.h - What runs a compiled model ----------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_MODELPARTS_H
#define RUNTIME_MODELPARTS_H

#include "mica/Model.h"
#include "runtime/Artifact.h"
#include "runtime/KVCache.h"
#include "runtime/Step.h"
#include "runtime/Workers.h"

#include <string>
#include <vector>

namespace mica {

/// An artifact with its code mapped, and what a step takes beside it.
struct ModelParts {
  Artifact artifact;
  mica_entry entry;
  std::vector<uint64_t> weights; ///< [layer * slots + slot]
  KVCache cache;
  StepBuilder builder;
  Workers workers;

  /// Maps the artifact, checks it, makes room for a step and starts the
  /// workers. `guarded`: an inaccessible page around each part of memory.
  static Expected<ModelParts> open(const std::string &path,
                                   const LoadOptions &options, bool guarded);
};

} // namespace mica

#endif // RUNTIME_MODELPARTS_H
