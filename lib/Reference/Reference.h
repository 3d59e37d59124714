//===- Reference.h - Run a model by its ops' definitions --------*- C++ -*-===//
//
// An oracle: the stage-0 module of a model, lowered by `--mica-reference` and
// run in process, with every op's rows for whoever compares them. Slow, and its
// weights and caches are in ordinary memory.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_REFERENCE_REFERENCE_H
#define LIB_REFERENCE_REFERENCE_H

#include "dialects/Mica/Mica.h"
#include "lib/Import/Checkpoint.h"
#include "mica/Status.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mica {

/// Rows that an op computed. Valid during the call that passes them.
struct OpRows {
  std::string function; ///< that the op stands in: "step", "layer0"
  std::string op;       ///< "mica.linear"
  std::string name;     ///< `mica.name` of the op, "down"; "" if it has none
  int64_t number;       ///< of the result among all float results of the module
  int64_t layer; ///< the layer of the stack that ran it; -1 outside of layers
  int64_t rows, columns;
  float *values; ///< [rows, columns]; what is written is what others read
};

/// One step, as in `mica_step`: T rows of S sequences, R output rows.
struct ReferenceStep {
  std::vector<int32_t> token, position; ///< [T], tokens below the vocabulary
  std::vector<int32_t> rowStart;        ///< [S + 1]
  std::vector<int32_t> outRow;          ///< [R]
  std::vector<int32_t>
      length; ///< [S] tokens in the cache, this step's included
};

/// The most that a step may ask for.
struct ReferenceLimits {
  int64_t sequences = 1;
  int64_t context = 0; ///< tokens of a sequence
};

/// Writes the contents of `weight`, [N, K] row-major, to `to`.
using WeightLoader =
    std::function<Status(WeightOp weight, std::span<float> to)>;

/// A loader that decodes the sources of weights from `checkpoint`, which must
/// outlive it.
WeightLoader loadFrom(const Checkpoint &checkpoint);

/// A model at stage 0, ready to be run. Not safe for several threads.
class Reference {
public:
  /// `module` has a function `entry(batch, caches...)` whose first result is
  /// the logits; it is not changed. Every weight that is not packed is loaded
  /// now.
  static Expected<Reference> create(mlir::ModuleOp module,
                                    const WeightLoader &load,
                                    const ReferenceLimits &limits,
                                    llvm::StringRef entry = "step");
  ~Reference();
  Reference(Reference &&);
  Reference &operator=(Reference &&);

  /// Runs one step and returns the logits, [R, vocabulary]. Calls `onRows`, if
  /// there is one, for every result in the order in which they are computed.
  /// Fails if the step exceeds the limits or contradicts itself.
  Expected<std::vector<float>>
  run(const ReferenceStep &step,
      const std::function<void(const OpRows &)> &onRows = {});

  /// Exchanges the caches with a second set, which is empty at first: so a
  /// model runs on two histories in turn.
  void exchangeCaches();

private:
  struct State;
  explicit Reference(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace mica

#endif // LIB_REFERENCE_REFERENCE_H
