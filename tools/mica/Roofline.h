//===- Roofline.h - The least time that a step can take ---------*- C++ -*-===//
//
// The manifest's `work` lists, for every phase, what any implementation has to
// read and compute. With a machine's ceilings that is a least time.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_ROOFLINE_H
#define TOOLS_MICA_ROOFLINE_H

#include "mica/Status.h"
#include "tools/mica/Machine.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// An entry of `work`. Numbers are for all calls of the phase in one step, that
/// is, for all layers together; absent ones are 0.
struct Work {
  std::string phase;                // As in the manifest's `phases`.
  std::string layout, instructions; // For people.
  std::string type = "f32";         // Of the operands, as `dotLoops` takes it.
  uint32_t calls = 1;
  double weightBytes = 0; // Read once per step.
  double expertBytes = 0; // Of one expert, of each layer.
  uint32_t experts = 0;   // Of a layer, of which a row chooses `choices`.
  uint32_t choices = 0;
  double opsPerRow = 0;      // A multiplication and an addition are two.
  double opsPerOutput = 0;   // For each row whose logits are wanted.
  double cacheBytes = 0;     // Read once per visible token of a sequence.
  double opsPerRowToken = 0; // For each row and each token that it sees.
  uint32_t window = 0;       // Tokens that a row sees at most; 0: all.
};

/// Reads the manifest's `work`.
Expected<std::vector<Work>> parseWork(std::string_view json,
                                      const std::string &file);

/// A step of one sequence.
struct StepShape {
  uint64_t rows = 1, outputs = 1;
  uint64_t depth = 0; // Tokens in the cache before.
};

double bytesOf(const Work &work, const StepShape &shape);
double opsOf(const Work &work, const StepShape &shape);

/// What a machine reads and computes per second.
struct Ceilings {
  double bandwidth = 0;
  std::map<std::string, double> peak; // By type.
};

/// Measures the ceilings for the types of `works`, in about `milliseconds` per
/// loop.
Ceilings measureCeilings(Machine &machine, const std::vector<Work> &works,
                         uint32_t threads, int repeats, double milliseconds);

double leastSeconds(const Work &work, const StepShape &shape,
                    const Ceilings &ceilings);
double leastSeconds(const std::vector<Work> &works, const StepShape &shape,
                    const Ceilings &ceilings);

} // namespace mica

#endif // TOOLS_MICA_ROOFLINE_H
