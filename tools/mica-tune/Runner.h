//===- Runner.h - Times code on the weights of an artifact ------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_TUNE_RUNNER_H
#define TOOLS_MICA_TUNE_RUNNER_H

#include "runtime/ModelParts.h"

#include <vector>

namespace mica {

/// What a step left and how long its phases took.
struct StepResult {
  std::vector<double> seconds; ///< by phase
  std::vector<float> logits;   ///< of the last row
};

/// Runs code that was made of the model of an artifact.
class Runner {
public:
  /// `threads`: 0 is one for each core; `mostRows`: of a step. Layers that
  /// share a weight get one each, so that no cache holds what steps read only
  /// once.
  static Expected<Runner> create(const std::string &artifact, uint32_t threads,
                                 uint32_t mostRows);

  const Manifest &manifest() const { return parts.artifact.manifest(); }
  uint32_t threads() const { return parts.workers.count(); }
  /// The code that the artifact brings.
  mica_entry ownEntry() const { return parts.entry; }

  /// Makes room for code that needs so much memory for each worker.
  Status prepare(uint64_t workerBytes);

  /// One step of `rows` tokens, always the same, of a new sequence.
  Expected<StepResult> run(mica_entry code, uint32_t rows);

private:
  Status separateLayers();
  explicit Runner(ModelParts opened);

  ModelParts parts;
  uint64_t workerBytes;
  std::vector<Memory> copies; ///< of weights that several layers share
};

} // namespace mica

#endif // TOOLS_MICA_TUNE_RUNNER_H
