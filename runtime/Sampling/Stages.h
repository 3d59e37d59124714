//===- Stages.h - What removes tokens, and what draws one -------*- C++ -*-===//
//
// Each stage sees the distribution that the stages before it left:
// p(x) = exp(logit(x)) / sum over the candidates. Each keeps one token or more.
// Equality with a bound keeps a token.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_STAGES_H
#define RUNTIME_SAMPLING_STAGES_H

#include "mica/Sampler.h"
#include "runtime/Random.h"
#include "runtime/Sampling/Candidates.h"

namespace mica {

/// Keeps the best k tokens; 0: all. Fan et al. 2018, "Hierarchical Neural Story
/// Generation".
void keepTopK(Candidates &candidates, uint32_t k);

/// Keeps the fewest best tokens with sum p(x) >= p; 1: all. Holtzman et al.
/// 2020, "The Curious Case of Neural Text Degeneration".
void keepTopP(Candidates &candidates, float p);

/// Keeps tokens with p(x) >= p max p; 0: all. Nguyen et al. 2024, "Turning Up
/// the Heat: Min-p Sampling".
void keepMinP(Candidates &candidates, float p);

/// Keeps the fewest tokens with sum p(x) >= p whose surprise -log p(x) is the
/// nearest to the entropy; 1: all. Meister et al. 2022, "Locally Typical
/// Sampling".
void keepTypical(Candidates &candidates, float p);

/// Keeps tokens with logit(x) >= max - n sigma, sigma being the standard
/// deviation of the finite logits; 0 or less: all. Tang et al. 2024,
/// "Top-n-sigma: Not All Logits Are You Need".
void keepTopNSigma(Candidates &candidates, float n);

/// With that probability removes all tokens with p(x) >= threshold but the
/// least probable of them ("exclude top choices", text-generation-webui 6335).
/// Takes a number of `random` if it could remove any.
void excludeTopChoices(Candidates &candidates, float probability,
                       float threshold, Random &random);

/// Divides logits by the temperature; 0 or less: keeps the best token. With a
/// range r the temperature is from t - r (at least 0) to t + r, by (entropy /
/// log size)^exponent. Zhu et al. 2023, "Hot or Cold? Adaptive Temperature
/// Sampling for Code Generation", in the form that llama.cpp gave it.
void applyTemperature(Candidates &candidates, float temperature, float range,
                      float exponent);

/// The place of a token drawn with its probability.
size_t drawPlace(Candidates &candidates, Random &random);

/// Holds the surprise of text at tau bits. Basu et al. 2021, "Mirostat: A
/// Neural Text Decoding Algorithm that Directly Controls Perplexity".
class Mirostat {
public:
  explicit Mirostat(const MirostatOptions &options)
      : options(options), mu(2 * options.tau) {}

  /// Truncates as the version says, draws, and learns from what was drawn.
  /// `vocab` is the number of tokens before any stage.
  int32_t draw(Candidates &candidates, size_t vocab, Random &random);

  /// The k of version 1 with sorted candidates: from Zipf's exponent s, fitted
  /// to the best 100, (e 2^mu / (1 - vocab^-e))^(1/s), with e = s - 1.
  double topK(const Candidates &candidates, size_t vocab) const;

private:
  MirostatOptions options;
  float mu; // The bound of surprise that the next token has.
};

} // namespace mica

#endif // RUNTIME_SAMPLING_STAGES_H
