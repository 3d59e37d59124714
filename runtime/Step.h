//===- Step.h - One step of several sequences -------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_STEP_H
#define RUNTIME_STEP_H

#include "mica/abi.h"
#include "runtime/KVCache.h"
#include "runtime/Manifest.h"
#include "runtime/Memory.h"

#include <cstdint>
#include <span>
#include <vector>

namespace mica {

/// Tokens to append to one sequence in a step.
struct StepRequest {
  uint32_t sequence;
  std::span<const int32_t> tokens;
  uint32_t outputs; // The last rows, this many, whose logits are wanted.
};

/// Turns requests into a `mica_step`. Owns what a step points to, the workspace
/// and the logits included; nothing is allocated for a step once the vectors
/// have grown to the largest one.
class StepBuilder {
public:
  /// Allocates the workspace for `workers` workers.
  static Expected<StepBuilder> create(const Manifest &manifest,
                                      uint32_t workers, bool guarded);

  /// Checks the requests, appends their tokens to the cache and fills in the
  /// step but for `weights` and `sync`. On an error the cache is unchanged. The
  /// step is valid until the next call.
  Expected<mica_step *> build(std::span<const StepRequest> requests,
                              KVCache &cache);

private:
  Status check(std::span<const StepRequest> requests, const KVCache &cache);
  void layRows(std::span<const StepRequest> requests, const KVCache &cache);
  Status layGroups(std::span<const StepRequest> requests, const KVCache &cache);
  Status publish();

  /// One of the step's arrays. Its memory is guarded if the rest is.
  struct Array {
    std::vector<int32_t> values;
    Memory memory;
  };
  struct Group {
    Array slot, pageStart, page, length;
  };
  Expected<const int32_t *> place(Array &array);

  uint32_t vocab = 0, resultStride = 0, maxContext = 0, maxRows = 0;
  bool causal = true;
  bool guarded = false;
  uint64_t arenaBytes[3] = {}; // Per row, output row and worker.
  Memory arena[3], logits;
  Array token, position, rowStart, outRow;
  std::vector<Group> groups;
  std::vector<mica_kv_group> kv;
  std::vector<KVCache::Growth> growths;
  std::vector<uint32_t> named; // Sequences of the step, sorted.
  mica_step step = {};
};

} // namespace mica

#endif // RUNTIME_STEP_H
