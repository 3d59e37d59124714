//===- Sampler.cpp - From logits to a token -------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "mica/Sampler.h"

#include "runtime/Random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

using namespace mica;

static float orWorst(float logit) {
  return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
}

int32_t mica::argmax(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i)
    if (orWorst(logits[i]) > orWorst(logits[best]))
      best = i;
  return best;
}

Sampler::Sampler(const SamplerOptions &options)
    : options(options), state(options.seed) {}

int32_t Sampler::sample(std::span<const float> logits) {
  if (!(options.temperature > 0) || options.topK == 1)
    return argmax(logits);
  collect(logits);
  cut();
  return draw();
}

/// Lists the topK tokens, the best first if anything is to be cut.
void Sampler::collect(std::span<const float> logits) {
  candidates.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i)
    candidates[i] = {orWorst(logits[i]), int32_t(i)};
  if (!options.topK && !(options.topP < 1))
    return;
  auto better = [](const Candidate &a, const Candidate &b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  };
  size_t keep = options.topK && options.topK < logits.size() ? options.topK
                                                             : logits.size();
  // Sorting a whole vocabulary takes longer than a token of a small model: sort
  // until all the rest weighs less than 2^24 e^-40, one in 10^10.
  size_t sorted = std::min<size_t>(keep, 1024);
  while (true) {
    std::partial_sort(candidates.begin(), candidates.begin() + sorted,
                      candidates.end(), better);
    float gap = candidates[0].logit - candidates[sorted - 1].logit;
    if (sorted == keep || gap > 40 * options.temperature)
      break;
    sorted = std::min(keep, sorted * 8);
  }
  candidates.resize(sorted);
}

/// Weighs the candidates and keeps the fewest that reach topP.
void Sampler::cut() {
  weights.clear();
  double total = 0;
  float best = candidates[0].logit;
  for (const Candidate &candidate : candidates)
    best = std::max(best, candidate.logit);
  for (const Candidate &candidate : candidates) {
    // Two equal infinities have no difference.
    float below = candidate.logit == best ? 0 : candidate.logit - best;
    weights.push_back(std::exp(below / options.temperature));
    total += weights.back();
  }
  double sum = 0;
  size_t kept = 0;
  while (kept < weights.size() && (kept == 0 || sum < options.topP * total))
    sum += weights[kept++];
  weights.resize(options.topP < 1 ? kept : weights.size());
}

int32_t Sampler::draw() {
  double total = 0;
  for (float weight : weights)
    total += weight;
  Random random(state);
  double point = random.uniform() * total;
  state = random.position();
  for (size_t i = 0; i < weights.size(); ++i) {
    point -= weights[i];
    if (point < 0)
      return candidates[i].id;
  }
  return candidates[weights.size() - 1].id;
}

//===----------------------------------------------------------------------===//
// StopStrings
//===----------------------------------------------------------------------===//

StopStrings::StopStrings(std::vector<std::string> given) {
  for (std::string &string : given)
    if (!string.empty())
      strings.push_back(std::move(string));
}

std::string StopStrings::feed(std::string_view piece) {
  if (found)
    return "";
  held += piece;
  size_t stop = std::string::npos;
  for (const std::string &string : strings)
    stop = std::min(stop, held.find(string));
  found = stop != std::string::npos;

  // The longest end of the text that begins a stop string.
  size_t open = 0;
  for (const std::string &string : strings)
    for (size_t n = std::min(string.size() - 1, held.size()); n > open; --n)
      if (std::string_view(held).ends_with(
              std::string_view(string).substr(0, n)))
        open = n;
  size_t ready = found ? stop : held.size() - open;
  std::string shown = held.substr(0, ready);
  held.erase(0, found ? held.size() : ready);
  return shown;
}

std::string StopStrings::finish() { return std::exchange(held, ""); }
