//===- Sampler.h - From logits to a token -----------------------*- C++ -*-===//
//
// Stages, their formulas and sources: docs/sampling.md.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef MICA_SAMPLER_H
#define MICA_SAMPLER_H

#include "mica/Status.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// What changes logits or removes tokens, in the usual order.
enum class SamplerStage : uint8_t {
  Penalties,
  Dry,
  TopNSigma,
  TopK,
  Typical,
  TopP,
  MinP,
  Xtc,
  Temperature
};

/// All of them, in that order.
std::vector<SamplerStage> defaultStages();

/// Those of a text such as "top_k;min_p;temperature".
Expected<std::vector<SamplerStage>> parseStages(std::string_view text);

/// What is added to the logit of one token.
struct LogitBias {
  int32_t id;
  float bias;
};

/// For tokens among the last `lastN`.
struct PenaltyOptions {
  float repeat = 1;    ///< Divides positive logits, multiplies others; 1: off.
  float frequency = 0; ///< Subtracted once for each time the token was there.
  float presence = 0;  ///< Subtracted once.
  int64_t lastN = 64;  ///< 0: off, -1: all.
};

/// Against repeating what was said ("don't repeat yourself").
struct DryOptions {
  float multiplier = 0; ///< 0: off.
  float base = 1.75f;
  uint32_t allowedLength = 2; ///< Repeats shorter than this are free.
  int64_t lastN = -1;         ///< Tokens that are searched; 0: off, -1: all.
  /// Tokens that a repeat cannot reach across; each sequence is whole.
  std::vector<std::vector<int32_t>> breakers = {};
};

/// With it the stages are bias, penalties, DRY, temperature and this.
struct MirostatOptions {
  uint32_t version = 0; ///< 1 or 2; 0: off.
  float tau = 5;        ///< The surprise to hold, in bits.
  float eta = 0.1f;     ///< How fast the bound follows.
};

/// How a token is drawn. By default the best one is, and every stage but
/// temperature is off.
struct SamplerOptions {
  float temperature = 0; ///< Logits are divided by it; 0: the best token.
  uint32_t topK = 0;     ///< Only the best topK tokens; 0: all.
  float topP = 1;        ///< The fewest best tokens of that total probability.
  uint64_t seed = 0;
  float minP = 0; ///< Tokens at least that probable, times the best; 0: off.
  float typicalP = 1; ///< The fewest most typical tokens of that total; 1: off.
  float topNSigma = 0;       ///< Within so many deviations of the best; 0: off.
  float xtcProbability = 0;  ///< How often the top choices are excluded.
  float xtcThreshold = 0.1f; ///< What a top choice is; above 0.5: none.
  float dynatempRange = 0; ///< The temperature follows the entropy by so much.
  float dynatempExponent = 1; ///< And in this power of it.
  PenaltyOptions penalties = {};
  DryOptions dry = {};
  MirostatOptions mirostat = {};
  std::vector<LogitBias> bias = {};
  std::vector<SamplerStage> stages = defaultStages();
  /// Report that many best tokens beside the one drawn; none: report nothing.
  std::optional<uint32_t> logProbs = {};
};

/// A token and the natural logarithm of its probability.
struct TokenLogProb {
  int32_t id;
  double logProb;
};

/// What the model, before any stage, thought of a token and of the best ones.
struct LogProbs {
  TokenLogProb token;
  std::vector<TokenLogProb> best; ///< The best first.
};

/// Those of logits [V] for `token` and the `count` best tokens (V, if fewer).
LogProbs logProbsOf(std::span<const float> logits, int32_t token,
                    uint32_t count);

/// Draws tokens. The same options, logits and accepted tokens give the same
/// tokens on every machine of a kind (x86-64, AArch64): numbers come from
/// SplitMix64, one for each token that is drawn and one more with XTC. Of equal
/// logits the lower id is the better one; a NaN is the worst.
class Sampler {
public:
  explicit Sampler(const SamplerOptions &options);
  Sampler(Sampler &&) noexcept;
  Sampler &operator=(Sampler &&) noexcept;
  ~Sampler();

  /// The next token, given logits [V], V >= 1. It is not accepted yet.
  int32_t sample(std::span<const float> logits);

  /// Tells of a token of the text, of the prompt too: penalties and DRY look
  /// at those. `Model::generate` does it.
  void accept(int32_t token);
  void accept(std::span<const int32_t> tokens);

  /// Of the last token that `sample` drew, if the options ask for it.
  const LogProbs &logProbs() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

/// The token with the greatest logit.
int32_t argmax(std::span<const float> logits);

/// Watches text for strings that end it. Text that may be the beginning of such
/// a string is held back until that is decided.
class StopStrings {
public:
  /// Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> strings);

  /// Takes the next piece and returns what may be shown now.
  std::string feed(std::string_view piece);

  /// Returns what was held back; after a stop that is nothing.
  std::string finish();

  /// Whether a stop string was found; nothing from it on is ever returned.
  bool stopped() const { return found; }

private:
  std::vector<std::string> strings;
  std::string held;
  bool found = false;
};

} // namespace mica

#endif // MICA_SAMPLER_H
