//===- Sampler.h - From logits to a token -----------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef MICA_SAMPLER_H
#define MICA_SAMPLER_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// How a token is drawn. Applied in this order: temperature, topK, topP.
struct SamplerOptions {
  float temperature = 0; ///< Logits are divided by it; 0: the best token.
  uint32_t topK = 0;     ///< Only the best topK tokens; 0: all.
  float topP = 1;        ///< The fewest best tokens of that total probability.
  uint64_t seed = 0;
};

/// Draws tokens. The same options and logits give the same tokens on every
/// machine whose `exp` is the same: numbers come from SplitMix64, one per
/// token. Of equal logits the lower id is the better one; a NaN is the worst.
class Sampler {
public:
  explicit Sampler(const SamplerOptions &options);

  /// The next token, given logits [V], V >= 1.
  int32_t sample(std::span<const float> logits);

private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  void collect(std::span<const float> logits);
  void cut();
  int32_t draw();

  SamplerOptions options;
  uint64_t state;
  std::vector<Candidate> candidates;
  std::vector<float> weights; // Of the candidates; the best one's is 1.
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
