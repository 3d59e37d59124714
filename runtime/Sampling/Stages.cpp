//===- Stages.cpp - What removes tokens, and what draws one ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Sampling/Stages.h"

#include "runtime/Sampling/Exponential.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mica;

// Sorting a whole vocabulary takes longer than a token of a small model: sort
// so many at first, then so many times as many.
constexpr size_t kSorted = 512, kMoreSorted = 8;

void mica::keepTopK(Candidates &candidates, uint32_t k) {
  if (!k || k >= candidates.size())
    return;
  candidates.sort(k);
  candidates.keepFirst(k);
}

/// Sorts further if the candidate at `place` is not in order yet.
static const Candidate &inOrder(Candidates &candidates, size_t place) {
  if (place >= candidates.sorted())
    candidates.sort(std::max(kSorted, candidates.sorted() * kMoreSorted));
  return candidates[place];
}

void mica::keepTopP(Candidates &candidates, float p) {
  if (!(p < 1))
    return;
  double wanted = p * candidates.weigh(), sum = 0;
  float best = candidates.best();
  size_t kept = 0;
  do {
    float logit = inOrder(candidates, kept).logit;
    sum += exponential(Candidates::below(logit, best));
  } while (++kept < candidates.size() && sum < wanted);
  candidates.keepFirst(kept);
}

void mica::keepMinP(Candidates &candidates, float p) {
  if (p > 0)
    candidates.keepAtLeast(candidates.best() + std::min(0.f, std::log(p)));
}

/// The entropy in nats, given the weights and their sum.
static double entropyOf(const Candidates &candidates, double total) {
  // -sum p log p, and log p = log weight - log total.
  float best = candidates.best();
  double sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (float weight = candidates.weights()[i]; weight > 0)
      sum += weight * double(Candidates::below(candidates[i].logit, best));
  return std::log(total) - sum / total;
}

void mica::keepTypical(Candidates &candidates, float p) {
  if (!(p < 1))
    return;
  double total = candidates.weigh();
  double entropy = entropyOf(candidates, total), logTotal = std::log(total);
  float best = candidates.best();
  std::vector<float> distance(candidates.size());
  for (size_t i = 0; i < distance.size(); ++i)
    distance[i] = std::abs(
        logTotal - Candidates::below(candidates[i].logit, best) - entropy);
  std::vector<uint32_t> places(candidates.size());
  std::iota(places.begin(), places.end(), 0);
  auto nearer = [&](uint32_t a, uint32_t b) {
    return distance[a] != distance[b] ? distance[a] < distance[b]
                                      : candidates[a].id < candidates[b].id;
  };
  double sum = 0;
  size_t kept = 0, sorted = 0;
  do {
    if (kept == sorted) {
      size_t more = std::max(kSorted, sorted * kMoreSorted);
      sorted = std::min(places.size(), more);
      std::partial_sort(places.begin() + kept, places.begin() + sorted,
                        places.end(), nearer);
    }
    sum += candidates.weights()[places[kept]];
  } while (++kept < places.size() && sum < p * total);
  candidates.keepPlaces(std::span(places).first(kept));
}

void mica::keepTopNSigma(Candidates &candidates, float n) {
  if (!(n > 0) || candidates.size() == 1)
    return;
  double sum = 0, squares = 0;
  size_t finite = 0;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (std::isfinite(candidates[i].logit))
      sum += candidates[i].logit, ++finite;
  double mean = finite ? sum / double(finite) : 0;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (double off = candidates[i].logit - mean; std::isfinite(off))
      squares += off * off;
  double sigma = finite ? std::sqrt(squares / double(finite)) : 0;
  candidates.keepAtLeast(float(candidates.best() - n * sigma));
}

void mica::excludeTopChoices(Candidates &candidates, float probability,
                             float threshold, Random &random) {
  if (!(probability > 0) || threshold > 0.5f || candidates.size() < 2)
    return;
  if (random.uniform() >= probability)
    return;
  double least = threshold * candidates.weigh();
  float best = candidates.best();
  size_t top = 0;
  while (top < candidates.size() &&
         exponential(Candidates::below(inOrder(candidates, top).logit, best)) >=
             least)
    ++top;
  if (top > 1)
    candidates.dropFirst(top - 1);
}

void mica::applyTemperature(Candidates &candidates, float temperature,
                            float range, float exponent) {
  if (range > 0 && candidates.size() > 1) {
    double entropy = entropyOf(candidates, candidates.weigh());
    double share = std::max(0., entropy / std::log(double(candidates.size())));
    float low = std::max(0.f, temperature - range), high = temperature + range;
    temperature = low + (high - low) * float(std::pow(share, exponent));
  }
  if (!(temperature > 0)) {
    candidates.sort(1);
    candidates.keepFirst(1);
  } else if (temperature != 1) {
    candidates.divide(temperature);
  }
}

size_t mica::drawPlace(Candidates &candidates, Random &random) {
  double point = random.uniform() * candidates.weigh();
  size_t last = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    float weight = candidates.weights()[i];
    point -= weight;
    if (point < 0)
      return i;
    if (weight > 0)
      last = i;
  }
  return last; // Sums in another order may differ by their rounding.
}

//===----------------------------------------------------------------------===//
// Mirostat
//===----------------------------------------------------------------------===//

double Mirostat::topK(const Candidates &candidates, size_t vocab) const {
  constexpr size_t kFitted = 100;
  double products = 0, squares = 0;
  for (size_t i = 0; i + 1 < std::min(kFitted, candidates.size()); ++i) {
    float next = candidates[i + 1].logit;
    if (!std::isfinite(next))
      break; // Its probability is 0.
    double t = std::log(double(i + 2) / double(i + 1));
    products += t * Candidates::below(candidates[i].logit, next);
    squares += t * t;
  }
  if (!(products > 0 && std::isfinite(products)))
    return double(candidates.size()); // All equal: no bound.
  double s = products / squares, e = s - 1;
  // At e = 0 the ratio is its limit.
  double ratio = e == 0 ? 1 / std::log(double(vocab))
                        : e / -std::expm1(-e * std::log(double(vocab)));
  return std::pow(ratio * std::exp2(double(mu)), 1 / s);
}

int32_t Mirostat::draw(Candidates &candidates, size_t vocab, Random &random) {
  if (options.version == 1) {
    candidates.sort(100);
    double k = topK(candidates, vocab);
    if (k < double(candidates.size()))
      keepTopK(candidates, uint32_t(std::max(k, 1.)));
  } else {
    // -log2 p <= mu.
    double most =
        candidates.best() + std::log(candidates.weigh()) - mu * std::log(2.);
    candidates.keepAtLeast(
        std::min(float(most), candidates.best())); // One is left always.
  }
  size_t place = drawPlace(candidates, random);
  double total = std::accumulate(candidates.weights().begin(),
                                 candidates.weights().end(), 0.);
  double surprise = -std::log2(candidates.weights()[place] / total);
  mu -= options.eta * float(surprise - options.tau);
  return candidates[place].id;
}
