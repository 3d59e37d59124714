//===- History.h - Stages that look at the text so far ----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_HISTORY_H
#define RUNTIME_SAMPLING_HISTORY_H

#include "mica/Sampler.h"
#include "runtime/Sampling/Candidates.h"

#include <unordered_map>

namespace mica {

/// Logits of the last tokens are made smaller:
///
///   logit /= repeat if logit > 0, else logit *= repeat
///   logit -= count frequency + presence
///
/// Keskar et al. 2019, "CTRL" (repeat; multiplying negative logits is the usual
/// correction); OpenAI's API (frequency, presence).
class Penalties {
public:
  explicit Penalties(const PenaltyOptions &options) : options(options) {}

  /// Whether it would change anything.
  bool active() const;
  void accept(int32_t token);
  void apply(Candidates &candidates) const;

private:
  PenaltyOptions options;
  std::vector<int32_t> last;                   // A ring, once it is full.
  size_t next = 0;                             // The oldest of a full ring.
  std::unordered_map<int32_t, uint32_t> count; // Of tokens in `last`.
};

/// A token that would lengthen a repeat has its logit lowered by
///
///   multiplier base^(n - allowedLength), if n >= allowedLength,
///
/// n being the length of the longest end of the text that stands elsewhere in
/// the text with that token behind it, not counted across a breaker. Tokens
/// that are breakers themselves are free. p-e-w, text-generation-webui 5677.
class Dry {
public:
  explicit Dry(const DryOptions &options);

  bool active() const;
  void accept(int32_t token);
  void apply(Candidates &candidates);

private:
  size_t sinceBreaker(size_t considered) const;
  void measureRepeats(size_t considered);
  int32_t back(size_t distance) const { // 0: the last token.
    return text[text.size() - 1 - distance];
  }

  DryOptions options;
  std::vector<int32_t> text;
  std::unordered_multimap<int32_t, std::vector<int32_t>> tails; // By head.
  std::vector<uint32_t> repeats; // By distance: tokens equal to the text's end.
  std::unordered_map<int32_t, size_t> longest; // By the token behind a repeat.
};

} // namespace mica

#endif // RUNTIME_SAMPLING_HISTORY_H
