//===- SamplerFlags.cpp - Options that say how tokens are drawn -----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/SamplerFlags.h"

#include "runtime/Tokenizer/Breakers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

using namespace mica;

//===----------------------------------------------------------------------===//
// Declaration
//===----------------------------------------------------------------------===//

static void addTruncation(CLI::App &app, SamplerOptions &o) {
  auto add = [&](const char *name, auto &value, const char *help) {
    app.add_option(name, value, help)->capture_default_str()->group("Sampling");
  };
  add("--temp", o.temperature, "Temperature; 0 takes the best token each time");
  add("--top-k", o.topK, "Draw from the best K tokens; 0: from all");
  add("--top-p", o.topP, "Draw from the best tokens of this total probability");
  add("--min-p", o.minP,
      "Draw from tokens at least that probable, relative to the best; 0: off");
  add("--typical,--typical-p", o.typicalP,
      "Draw from the most typical tokens of this total probability; 1: off");
  add("--top-n-sigma,--top-nsigma", o.topNSigma,
      "Draw from logits within N standard deviations of the best; 0: off");
  add("--xtc-probability", o.xtcProbability,
      "How often all top choices but the last are excluded; 0: never");
  add("--xtc-threshold", o.xtcThreshold,
      "The probability that makes a top choice; above 0.5: none");
  add("--dynatemp-range", o.dynatempRange,
      "The temperature follows the entropy, up and down by this; 0: off");
  add("--dynatemp-exp", o.dynatempExponent, "The power of entropy in that");
  add("--mirostat", o.mirostat.version,
      "1 or 2: hold the surprise of tokens by this version of Mirostat, in "
      "place of stages that remove tokens; 0: off");
  add("--mirostat-ent", o.mirostat.tau, "That surprise, in bits");
  add("--mirostat-lr", o.mirostat.eta, "How fast it is corrected");
  add("--seed", o.seed, "The same seed gives the same text");
}

static void addHistory(CLI::App &app, SamplerOptions &o) {
  auto add = [&](const char *name, auto &value, const char *help) {
    app.add_option(name, value, help)->capture_default_str()->group("Sampling");
  };
  add("--repeat-penalty", o.penalties.repeat,
      "Divide logits of tokens of the last text by this; 1: off");
  add("--presence-penalty", o.penalties.presence,
      "Subtract this from logits of tokens of the last text; 0: off");
  add("--frequency-penalty", o.penalties.frequency,
      "Subtract this each time that they occur; 0: off");
  add("--repeat-last-n", o.penalties.lastN,
      "How many tokens that text has, the prompt included; -1: all");
  add("--dry-multiplier", o.dry.multiplier,
      "Lower tokens that would lengthen a repeat, by this times base^(length - "
      "allowed length); 0: off");
  add("--dry-base", o.dry.base, "The base in that");
  add("--dry-allowed-length", o.dry.allowedLength,
      "Repeats shorter than this are free");
  add("--dry-penalty-last-n", o.dry.lastN,
      "Tokens that are searched for repeats; -1: all");
}

void mica::addSamplerFlags(CLI::App &app, SamplerFlags &flags) {
  addTruncation(app, flags.options);
  addHistory(app, flags.options);
  app.add_option("--dry-sequence-breaker", flags.breakers,
                 "Repeats do not reach across this text; may be repeated, and "
                 "replaces newline, colon, quote and star; none: no breaker")
      ->allow_extra_args(false)
      ->group("Sampling");
  app.add_option("--logit-bias", flags.bias,
                 "ID+N or TEXT-N: add to the logit of a token, or of each "
                 "token of a text; may be repeated, inf is a number")
      ->allow_extra_args(false)
      ->group("Sampling");
  app.add_option("--samplers", flags.stages,
                 "The stages in their order, by default penalties;dry;"
                 "top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature")
      ->group("Sampling");
  auto *logProbs =
      app.add_option("--logprobs", flags.options.logProbs,
                     "Write a line of JSON for each token: the logarithms of "
                     "its probability and of the N best, before any stage")
          ->group("Sampling");
  app.add_option("--logprobs-file", flags.logProbsFile,
                 "The file for that; standard error by default")
      ->needs(logProbs)
      ->group("Sampling");
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

static std::string format(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

namespace {
/// A number, and whether it is possible. A NaN never is.
struct Bound {
  const char *flag;
  double value;
  bool possible;
  const char *expected;
};
} // namespace

static Bound within(const char *flag, double value, double least, double most,
                    const char *expected) {
  return {flag, value, value >= least && value <= most, expected};
}
static Bound share(const char *flag, double value) {
  return within(flag, value, 0, 1, "0 to 1");
}
static Bound upTo1000(const char *flag, double value) {
  return within(flag, value, 0, 1000, "0 to 1000");
}
static Bound finite(const char *flag, double value) {
  return {flag, value, std::isfinite(value), "a finite number"};
}
static Bound positive(const char *flag, double value) {
  return {flag, value, value > 0 && std::isfinite(value),
          "a finite number above 0"};
}
static Bound count(const char *flag, int64_t value) {
  return {flag, double(value), value >= -1, "-1 or more"};
}

static Status checkRanges(const SamplerOptions &o) {
  const Bound bounds[] = {
      upTo1000("--temp", o.temperature),
      share("--top-p", o.topP),
      share("--min-p", o.minP),
      share("--typical", o.typicalP),
      within("--top-n-sigma", o.topNSigma, -1, 1000, "-1 to 1000"),
      share("--xtc-probability", o.xtcProbability),
      share("--xtc-threshold", o.xtcThreshold),
      upTo1000("--dynatemp-range", o.dynatempRange),
      upTo1000("--dynatemp-exp", o.dynatempExponent),
      positive("--repeat-penalty", o.penalties.repeat),
      finite("--presence-penalty", o.penalties.presence),
      finite("--frequency-penalty", o.penalties.frequency),
      count("--repeat-last-n", o.penalties.lastN),
      upTo1000("--dry-multiplier", o.dry.multiplier),
      within("--dry-base", o.dry.base, 1, 1000, "1 to 1000"),
      count("--dry-penalty-last-n", o.dry.lastN),
      within("--mirostat", o.mirostat.version, 0, 2, "0, 1 or 2"),
      positive("--mirostat-ent", o.mirostat.tau),
      positive("--mirostat-lr", o.mirostat.eta)};
  for (const Bound &bound : bounds)
    if (!bound.possible)
      return Error{std::string(bound.flag) + ": " + format(bound.value) +
                   ", expected " + bound.expected};
  return {};
}

/// Mirostat truncates by itself, and only where something is drawn.
static Status checkMirostat(const SamplerFlags &flags) {
  const SamplerOptions &o = flags.options;
  if (!o.mirostat.version)
    return {};
  const std::pair<const char *, bool> others[] = {
      {"--top-k", o.topK},
      {"--top-p", o.topP < 1},
      {"--min-p", o.minP > 0},
      {"--typical", o.typicalP < 1},
      {"--top-n-sigma", o.topNSigma > 0},
      {"--xtc-probability", o.xtcProbability > 0},
      {"--samplers", !flags.stages.empty()}};
  for (auto [flag, given] : others)
    if (given)
      return Error{std::string("--mirostat: given together with ") + flag +
                   ", expected one of the two"};
  if (o.temperature <= 0 && o.dynatempRange <= 0)
    return Error{"--mirostat: temperature is 0, expected --temp above 0"};
  return {};
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

/// The number that the whole text, sign included, is.
static std::optional<float> parseSigned(std::string_view text) {
  bool minus = text.starts_with('-');
  float value = 0;
  auto [end, error] =
      std::from_chars(text.data() + 1, text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      std::isnan(value) || std::signbit(value))
    return std::nullopt;
  return minus ? -value : value;
}

/// Adds the biases of "ID+N" or "TEXT-N", which is cut where a number begins.
static Status addBias(const std::string &text, const Tokenizer &tokenizer,
                      uint32_t vocab, std::vector<LogitBias> &bias) {
  std::optional<float> value;
  size_t cut = 0;
  while (!value) {
    cut = text.find_first_of("+-", cut + 1);
    if (cut == std::string::npos)
      return Error{"--logit-bias: '" + text + "', expected ID+N or TEXT-N"};
    value = parseSigned(std::string_view(text).substr(cut));
  }
  std::string what = text.substr(0, cut);
  if (what.find_first_not_of("0123456789") != std::string::npos) {
    for (int32_t id :
         tokenizer.encode(what, {.addSpecial = false, .parseSpecial = true}))
      bias.push_back({id, *value});
    return {};
  }
  uint32_t id = 0;
  auto error = std::from_chars(what.data(), what.data() + what.size(), id).ec;
  if (error != std::errc() || id >= vocab)
    return Error{"--logit-bias: token " + what + ", expected 0 to " +
                 std::to_string(vocab - 1)};
  bias.push_back({int32_t(id), *value});
  return {};
}

/// Replaces \n, \t, \r, \", \' and \\.
static std::string unescape(std::string_view text) {
  constexpr std::string_view kLetters = "ntr\"'\\", kMeant = "\n\t\r\"'\\";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    size_t letter = text[i] == '\\' && i + 1 < text.size()
                        ? kLetters.find(text[i + 1])
                        : std::string_view::npos;
    out += letter == std::string_view::npos ? text[i] : kMeant[letter];
    i += letter != std::string_view::npos;
  }
  return out;
}

Expected<SamplerOptions> mica::samplerOptions(const SamplerFlags &flags,
                                              const Tokenizer &tokenizer,
                                              uint32_t vocab) {
  if (Status status = checkRanges(flags.options); !status)
    return status.takeError();
  if (Status status = checkMirostat(flags); !status)
    return status.takeError();
  SamplerOptions options = flags.options;
  if (!flags.stages.empty()) {
    auto stages = parseStages(flags.stages);
    if (!stages)
      return Error{"--samplers: " + stages.error().message};
    options.stages = *stages;
  }
  for (const std::string &text : flags.bias)
    if (Status status = addBias(text, tokenizer, vocab, options.bias); !status)
      return status.takeError();
  if (options.dry.multiplier == 0)
    return options; // Finding breakers takes a look at every token.
  for (const std::string &breaker : flags.breakers)
    if (breaker != "none")
      for (auto &sequence : breakerSequences(tokenizer, unescape(breaker)))
        options.dry.breakers.push_back(std::move(sequence));
  return options;
}
