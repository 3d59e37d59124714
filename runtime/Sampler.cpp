//===- Sampler.cpp - From logits to a token -------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "mica/Sampler.h"

#include "runtime/Random.h"
#include "runtime/Sampling/Candidates.h"
#include "runtime/Sampling/History.h"
#include "runtime/Sampling/Stages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

using namespace mica;

std::vector<SamplerStage> mica::defaultStages() {
  using enum SamplerStage;
  return {Penalties, Dry,  TopNSigma, TopK,       Typical,
          TopP,      MinP, Xtc,       Temperature};
}

static constexpr std::pair<std::string_view, SamplerStage> kStages[] = {
    {"penalties", SamplerStage::Penalties},
    {"dry", SamplerStage::Dry},
    {"top_n_sigma", SamplerStage::TopNSigma},
    {"top_k", SamplerStage::TopK},
    {"typ_p", SamplerStage::Typical},
    {"top_p", SamplerStage::TopP},
    {"min_p", SamplerStage::MinP},
    {"xtc", SamplerStage::Xtc},
    {"temperature", SamplerStage::Temperature}};

Expected<std::vector<SamplerStage>> mica::parseStages(std::string_view text) {
  std::vector<SamplerStage> stages;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(';', at), text.size());
    std::string name(text.substr(at, end - at));
    auto known = std::ranges::find(kStages, name,
                                   [](auto &stage) { return stage.first; });
    if (known == std::end(kStages)) {
      std::string message = "stage '" + name + "', expected one of ";
      for (auto &stage : kStages)
        message.append(stage.first).append(", ");
      message.resize(message.size() - 2);
      return Error{message};
    }
    stages.push_back(known->second);
    at = end + 1;
  }
  return stages;
}

int32_t mica::argmax(std::span<const float> logits) {
  size_t best = 0;
  float greatest = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > greatest) // Never for a NaN.
      best = i, greatest = logits[i];
  return int32_t(best);
}

LogProbs mica::logProbsOf(std::span<const float> logits, int32_t token,
                          uint32_t count) {
  Candidates candidates;
  candidates.assign(logits);
  double logTotal = std::log(candidates.weigh());
  float best = candidates.best();
  auto of = [&](float logit) {
    return Candidates::below(orWorst(logit), best) - logTotal;
  };
  LogProbs found{{token, of(logits[token])}, {}};
  candidates.sort(count);
  for (size_t i = 0; i < std::min<size_t>(count, candidates.size()); ++i)
    found.best.push_back({candidates[i].id, of(candidates[i].logit)});
  return found;
}

//===----------------------------------------------------------------------===//
// Sampler
//===----------------------------------------------------------------------===//

struct Sampler::State {
  explicit State(const SamplerOptions &given)
      : options(given), random(given.seed), penalties(given.penalties),
        dry(given.dry), mirostat(given.mirostat) {}

  bool takesTheBest() const;
  int32_t sample(std::span<const float> logits);
  void apply(SamplerStage stage);

  SamplerOptions options;
  Random random;
  Penalties penalties;
  Dry dry;
  Mirostat mirostat;
  Candidates candidates;
  LogProbs logProbs;
};

Sampler::Sampler(const SamplerOptions &options)
    : state(std::make_unique<State>(options)) {}
Sampler::Sampler(Sampler &&) noexcept = default;
Sampler &Sampler::operator=(Sampler &&) noexcept = default;
Sampler::~Sampler() = default;

/// Whether no stage can change which logit is the greatest, and that one wins.
bool Sampler::State::takesTheBest() const {
  auto has = [&](SamplerStage stage) {
    return std::ranges::find(options.stages, stage) != options.stages.end();
  };
  bool cold = options.temperature <= 0 && !(options.dynatempRange > 0) &&
              has(SamplerStage::Temperature);
  bool one = options.topK == 1 && has(SamplerStage::TopK);
  return (cold || one) && !options.mirostat.version && options.bias.empty() &&
         !penalties.active() && !dry.active() &&
         !(options.xtcProbability > 0) && !(options.typicalP < 1);
}

int32_t Sampler::State::sample(std::span<const float> logits) {
  if (takesTheBest())
    return argmax(logits);
  candidates.assign(logits);
  for (LogitBias bias : options.bias)
    candidates.update(bias.id, [&](float logit) { return logit + bias.bias; });
  if (options.mirostat.version) {
    for (auto stage : {SamplerStage::Penalties, SamplerStage::Dry,
                       SamplerStage::Temperature})
      apply(stage);
    return mirostat.draw(candidates, logits.size(), random);
  }
  for (SamplerStage stage : options.stages)
    apply(stage);
  return candidates[drawPlace(candidates, random)].id;
}

void Sampler::State::apply(SamplerStage stage) {
  switch (stage) {
  case SamplerStage::Penalties:
    return penalties.active() ? penalties.apply(candidates) : void();
  case SamplerStage::Dry:
    return dry.active() ? dry.apply(candidates) : void();
  case SamplerStage::TopNSigma:
    return keepTopNSigma(candidates, options.topNSigma);
  case SamplerStage::TopK:
    return keepTopK(candidates, options.topK);
  case SamplerStage::Typical:
    return keepTypical(candidates, options.typicalP);
  case SamplerStage::TopP:
    return keepTopP(candidates, options.topP);
  case SamplerStage::MinP:
    return keepMinP(candidates, options.minP);
  case SamplerStage::Xtc:
    return excludeTopChoices(candidates, options.xtcProbability,
                             options.xtcThreshold, random);
  case SamplerStage::Temperature:
    return applyTemperature(candidates, options.temperature,
                            options.dynatempRange, options.dynatempExponent);
  }
}

int32_t Sampler::sample(std::span<const float> logits) {
  int32_t token = state->sample(logits);
  if (state->options.logProbs)
    state->logProbs = logProbsOf(logits, token, *state->options.logProbs);
  return token;
}

void Sampler::accept(int32_t token) {
  if (state->penalties.active())
    state->penalties.accept(token);
  if (state->dry.active())
    state->dry.accept(token);
}

void Sampler::accept(std::span<const int32_t> tokens) {
  for (int32_t token : tokens)
    accept(token);
}

const LogProbs &Sampler::logProbs() const { return state->logProbs; }

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
