//===- Eval.h - The parts of `mica eval` ------------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_EVAL_H
#define TOOLS_MICA_EVAL_H

#include "mica/Status.h"
#include "tools/mica/Divergence.h"
#include "tools/mica/Npy.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mica {

struct EvalOptions {
  std::string model, against, tokens, logits, plot;
  std::vector<std::string> text;
  uint32_t chunk = 0, decodeFrom = UINT32_MAX, threads = 0, context = 512;
  uint32_t stride = 0, skip = 0;
  uint64_t limit = 0, pageSeed = 0;
  bool ragged = false, json = false, shuffle = false, everyToken = false;
};

/// Reads the tokens [sequences, tokens] of the options, 1 or more.
Expected<IntArray> readTokens(const EvalOptions &options);

/// Writes the logits of the tokens.
Status evalLogits(const EvalOptions &options);

/// Scores a text by the model, and compares with another if one is given.
Status evalText(const EvalOptions &options);

/// Compares two sources of logits of the tokens.
Status evalTokens(const EvalOptions &options);

/// Prints what was found, and draws it if that is asked for.
Status reportScores(const EvalOptions &options, Scores scores);

} // namespace mica

#endif // TOOLS_MICA_EVAL_H
