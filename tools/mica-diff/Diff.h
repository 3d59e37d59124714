//===- Diff.h - A compiled model beside what it should be -------*- C++ -*-===//

#ifndef TOOLS_MICA_DIFF_DIFF_H
#define TOOLS_MICA_DIFF_DIFF_H

#include "tools/mica-diff/Finding.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mica {

struct DiffOptions {
  std::string model, checkpoint, against;
  double factor = 0; ///< of the tolerance; 0: the mode's
  uint32_t threads = 0, decodeFrom = UINT32_MAX;
};

/// Sequences of equally many tokens, [sequences][length].
struct DiffTokens {
  uint64_t sequences = 1, length = 0;
  std::vector<int32_t> ids;
};

/// One step of all sequences: their tokens [first, end).
struct DiffStep {
  uint64_t first, end;
};

/// The steps in which tokens are fed: as many at a time as the model takes, and
/// from `decodeFrom` on one. Fails if one of each sequence is too many.
Expected<std::vector<DiffStep>>
planSteps(const Model &model, const DiffTokens &tokens, uint32_t decodeFrom);

/// Where row `row` of a step stands among all tokens, sequence by sequence.
uint64_t tokenOf(uint64_t row, const DiffStep &step, const DiffTokens &tokens);

/// Runs `steps` on the model, every token's logits wanted; `after` is called
/// behind each.
Status runSteps(Model &model, const DiffTokens &tokens,
                std::span<const DiffStep> steps,
                const std::function<Status(const DiffStep &)> &after);

/// What a comparison found: every op that was compared, in order, and the first
/// in time that was out of its tolerance.
struct DiffResult {
  std::vector<Finding> findings;
  Finding first;       ///< without `output` if there is none
  uint64_t hidden = 0; ///< ops of the reference that leave no rows

  /// Takes `finding` in: one for each op and layer, the worst.
  void add(const Finding &finding);
};

/// Compares with the reference lowering of what was compiled, op by op: before
/// it goes on, the reference takes over what the model computed, so that each
/// op is judged on the inputs that it had.
Expected<DiffResult> diffReference(Model &model, const DiffTokens &tokens,
                                   const DiffOptions &options);

/// Compares with the .npy files in `options.against` that are named for ops.
Expected<DiffResult> diffDumps(Model &model, const DiffTokens &tokens,
                               const DiffOptions &options);

/// The files that `diffDumps` knows for an op, without ".npy".
std::vector<std::string> dumpNames(const OpOutput &output, int64_t layer);

} // namespace mica

#endif // TOOLS_MICA_DIFF_DIFF_H
