//===- CApiSampler.cpp - Samplers of the C interface ----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/CApiParts.h"
#include "runtime/Tokenizer/Breakers.h"

#include <cmath>
#include <cstdio>
#include <limits>

using namespace mica;
using namespace mica::capi;

/// A field that is 0 has its default.
template <class T> static T orDefault(T value, T missing) {
  return value == T(0) ? missing : value;
}

static SamplerOptions numbersOf(const mica_sampler_options &o) {
  SamplerOptions r;
  r.temperature = o.temperature;
  r.topK = o.top_k;
  r.topP = orDefault(o.top_p, r.topP);
  r.seed = o.seed;
  r.minP = o.min_p;
  r.typicalP = orDefault(o.typical_p, r.typicalP);
  r.topNSigma = o.top_n_sigma;
  r.xtcProbability = o.xtc_probability;
  r.xtcThreshold = orDefault(o.xtc_threshold, r.xtcThreshold);
  r.dynatempRange = o.dynatemp_range;
  r.dynatempExponent = orDefault(o.dynatemp_exponent, r.dynatempExponent);
  r.penalties = {orDefault(o.repeat_penalty, r.penalties.repeat),
                 o.frequency_penalty, o.presence_penalty,
                 orDefault<int64_t>(o.penalty_last_n, r.penalties.lastN)};
  r.dry.multiplier = o.dry_multiplier;
  r.dry.base = orDefault(o.dry_base, r.dry.base);
  r.dry.allowedLength = orDefault(o.dry_allowed_length, r.dry.allowedLength);
  r.dry.lastN = orDefault<int64_t>(o.dry_last_n, r.dry.lastN);
  r.mirostat = {o.mirostat, orDefault(o.mirostat_tau, r.mirostat.tau),
                orDefault(o.mirostat_eta, r.mirostat.eta)};
  return r;
}

/// The ranges that `mica run` allows. A NaN is in none.
static mica_status checkRanges(const SamplerOptions &o) {
  constexpr float most = std::numeric_limits<float>::max();
  constexpr float least = std::numeric_limits<float>::denorm_min();
  const struct {
    const char *name;
    double value, low, high;
  } fields[] = {{"temperature", o.temperature, 0, most},
                {"top_p", o.topP, 0, 1},
                {"min_p", o.minP, 0, 1},
                {"typical_p", o.typicalP, 0, 1},
                {"top_n_sigma", o.topNSigma, -1, 1000},
                {"xtc_probability", o.xtcProbability, 0, 1},
                {"xtc_threshold", o.xtcThreshold, 0, 1},
                {"dynatemp_range", o.dynatempRange, 0, 1000},
                {"dynatemp_exponent", o.dynatempExponent, 0, 1000},
                {"repeat_penalty", o.penalties.repeat, least, most},
                {"frequency_penalty", o.penalties.frequency, -most, most},
                {"presence_penalty", o.penalties.presence, -most, most},
                {"penalty_last_n", double(o.penalties.lastN), -1, INT32_MAX},
                {"dry_multiplier", o.dry.multiplier, 0, 1000},
                {"dry_base", o.dry.base, 1, 1000},
                {"dry_last_n", double(o.dry.lastN), -1, INT32_MAX},
                {"mirostat", double(o.mirostat.version), 0, 2},
                {"mirostat_tau", o.mirostat.tau, least, most},
                {"mirostat_eta", o.mirostat.eta, least, most}};
  for (const auto &field : fields)
    if (!(field.value >= field.low && field.value <= field.high)) {
      char text[120];
      std::snprintf(text, sizeof(text), "%s is %g, expected %g to %g",
                    field.name, field.value, field.low, field.high);
      return invalid(text);
    }
  return MICA_OK;
}

/// Mirostat truncates by itself, and only where something is drawn.
static mica_status checkMirostat(const SamplerOptions &o, bool stages) {
  if (!o.mirostat.version)
    return MICA_OK;
  if (o.topK || o.topP < 1 || o.minP > 0 || o.typicalP < 1 || o.topNSigma > 0 ||
      o.xtcProbability > 0 || stages)
    return invalid("mirostat together with stages that remove tokens, expected "
                   "one of the two");
  if (o.temperature <= 0 && o.dynatempRange <= 0)
    return invalid("mirostat with a temperature of 0, expected one above 0");
  return MICA_OK;
}

/// Adds biases and breakers, which are arrays.
static mica_status addLists(const mica_sampler_options &o,
                            SamplerOptions &options) {
  if ((o.bias_count && !o.bias) || (o.dry_breaker_count && !o.dry_breakers))
    return invalid("biases or breakers are NULL, expected an array");
  for (size_t i = 0; i < o.bias_count; ++i) {
    if (o.bias[i].token < 0 || std::isnan(o.bias[i].bias))
      return invalid("a bias is of no token or no number, expected both");
    options.bias.push_back({o.bias[i].token, o.bias[i].bias});
  }
  if (!o.dry_breaker_count)
    return MICA_OK;
  if (!o.model || !o.model->loaded->tokenizer)
    return invalid("dry_breakers without the model of their tokens, expected "
                   "one with a tokenizer");
  for (size_t i = 0; i < o.dry_breaker_count; ++i) {
    if (!o.dry_breakers[i])
      return invalid("a breaker is NULL, expected a text");
    for (auto &sequence :
         breakerSequences(*o.model->loaded->tokenizer, o.dry_breakers[i]))
      options.dry.breakers.push_back(std::move(sequence));
  }
  return MICA_OK;
}

mica_status mica_sampler_create(const mica_sampler_options *given,
                                mica_sampler **result) {
  return guarded([&] {
    mica_sampler_options o;
    if (!result || !readOptions(given, o) || o.reserved)
      return invalid("sampler options or result, expected known ones");
    *result = nullptr;
    SamplerOptions options = numbersOf(o);
    if (o.stages) {
      auto stages = parseStages(o.stages);
      if (!stages)
        return fail(MICA_INVALID, stages.error().message);
      options.stages = std::move(*stages);
    }
    mica_status status = checkRanges(options);
    if (!status)
      status = checkMirostat(options, o.stages);
    if (!status)
      status = addLists(o, options);
    if (!status)
      *result = new mica_sampler{Sampler(options)};
    return status;
  });
}

void mica_sampler_free(mica_sampler *sampler) { delete sampler; }

mica_status mica_sampler_sample(mica_sampler *sampler, const float *logits,
                                size_t vocab, int32_t *id) {
  return guarded([&] {
    if (!sampler || !logits || !vocab || !id)
      return invalid("sampler, logits or id is NULL");
    *id = sampler->sampler.sample({logits, vocab});
    return MICA_OK;
  });
}

mica_status mica_sampler_accept(mica_sampler *sampler, const int32_t *ids,
                                size_t count) {
  return guarded([&] {
    if (!sampler || (count && !ids))
      return invalid("sampler or ids is NULL");
    sampler->sampler.accept({ids, count});
    return MICA_OK;
  });
}
