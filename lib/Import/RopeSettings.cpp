//===- RopeSettings.cpp - What a checkpoint says of its rope --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Json.h"
#include "lib/Import/Rope.h"

#include <cmath>

using namespace mica;
using Json = nlohmann::json;
using Scaling = RopeSettings::Scaling;

namespace {

/// The attention factor that YaRN's authors found.
double yarnAttention(double factor, double mscale = 1) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

/// Of the product of queries and keys that both are so scaled.
double scoreFactor(double factor, double mscale) {
  return std::pow(yarnAttention(factor, mscale), 2);
}

/// The attention factor of LongRoPE.
double longRopeAttention(double factor, double originalContext) {
  return factor <= 1
             ? 1
             : std::sqrt(1 + std::log(factor) / std::log(originalContext));
}

/// How many positions the frequencies are made for.
double wantedContext(const Hyperparameters &in, const ModelDescription &model) {
  return double(in.requestedContext() ? in.requestedContext()
                                      : model.maxContext);
}

/// The columns that turn if `share` of a head's do; both 0 and an odd number
/// are errors.
int64_t turningColumns(Hyperparameters &in, const ModelDescription &model,
                       double columns) {
  auto whole = int64_t(columns);
  if (columns <= 0 || whole < 2 || whole > model.headSize || whole % 2)
    in.fail("rope turns " + std::to_string(whole) +
            " columns of a head, expected an even number from 2 to " +
            std::to_string(model.headSize));
  return std::min(std::max<int64_t>(whole, 2) / 2 * 2, model.headSize / 2 * 2);
}

//===----------------------------------------------------------------------===//
// config.json
//===----------------------------------------------------------------------===//

/// Reads the settings of one rope from an object of config.json.
class ConfigRope {
public:
  ConfigRope(Hyperparameters &in, ModelDescription &model,
             const RopeDefaults &defaults, const Json &object)
      : in(in), model(model), defaults(defaults), object(object) {}

  RopeSettings read(std::string_view thetaKey);

private:
  bool has(const char *key) const {
    auto it = object.find(key);
    return it != object.end() && !it->is_null();
  }
  double number(const char *key, std::optional<double> fallback);
  std::string type();
  double originalContext();
  std::vector<float> factors(const char *key, int64_t columns);
  void readScaling(RopeSettings &rope);
  void readLlama3(RopeSettings &rope);
  void readYarn(RopeSettings &rope);
  void readLongRope(RopeSettings &rope);

  Hyperparameters &in;
  ModelDescription &model;
  const RopeDefaults &defaults;
  const Json &object;
};

double ConfigRope::number(const char *key, std::optional<double> fallback) {
  if (!has(key)) {
    if (!fallback)
      in.fail(std::string("rope setting ") + key +
              " is missing, expected a number");
    return fallback.value_or(1);
  }
  const Json &value = object[key];
  if (!value.is_number() || !std::isfinite(value.get<double>()) ||
      value.get<double>() <= 0) {
    in.fail(std::string("rope setting ") + key +
            " is no number above 0, expected one");
    return 1;
  }
  return value.get<double>();
}

std::string ConfigRope::type() {
  for (const char *key : {"rope_type", "type"})
    if (auto it = object.find(key); it != object.end() && it->is_string())
      return it->get<std::string>();
  return "default";
}

/// The setting beside the rope's goes before the one within it.
double ConfigRope::originalContext() {
  constexpr const char *key = "original_max_position_embeddings";
  if (in.has({"", key}))
    return double(in.size({"", key}));
  int64_t fallback = defaults.originalContext
                         ? defaults.originalContext
                         : in.size({"", "max_position_embeddings"}, 2048);
  return number(key, double(fallback));
}

std::vector<float> ConfigRope::factors(const char *key, int64_t columns) {
  std::vector<float> result;
  auto it = object.find(key);
  if (it != object.end() && it->is_array())
    for (const Json &value : *it)
      if (value.is_number() && float(value.get<double>()) > 0 &&
          std::isfinite(float(value.get<double>())))
        result.push_back(float(value.get<double>()));
  if (int64_t(result.size()) != columns / 2)
    in.fail(std::string("rope setting ") + key + " holds " +
            std::to_string(result.size()) +
            " positive numbers, expected one for each of the " +
            std::to_string(columns / 2) + " pairs of columns");
  result.resize(columns / 2, 1);
  return result;
}

void ConfigRope::readLlama3(RopeSettings &rope) {
  rope.lowFactor = number("low_freq_factor", {});
  rope.highFactor = number("high_freq_factor", {});
  if (rope.highFactor <= rope.lowFactor)
    in.fail("rope setting high_freq_factor is " +
            std::to_string(rope.highFactor) +
            ", expected more than low_freq_factor");
}

void ConfigRope::readYarn(RopeSettings &rope) {
  rope.betaFast = number("beta_fast", 32);
  rope.betaSlow = number("beta_slow", 1);
  auto truncate = object.find("truncate");
  rope.truncate = truncate == object.end() || *truncate != false;
  double factor = yarnAttention(rope.factor);
  if (has("mscale") && has("mscale_all_dim"))
    factor = yarnAttention(rope.factor, number("mscale", {})) /
             yarnAttention(rope.factor, number("mscale_all_dim", {}));
  rope.attentionFactor = number("attention_factor", factor);
  if (has("mscale_all_dim"))
    rope.scoreFactor = scoreFactor(rope.factor, number("mscale_all_dim", {}));
}

void ConfigRope::readLongRope(RopeSettings &rope) {
  std::vector<float> shorter = factors("short_factor", rope.columns);
  std::vector<float> longer = factors("long_factor", rope.columns);
  rope.factors = rope.context > rope.originalContext ? longer : shorter;
  rope.attentionFactor = number(
      "attention_factor", longRopeAttention(rope.factor, rope.originalContext));
  rope.factor = 1;
}

void ConfigRope::readScaling(RopeSettings &rope) {
  std::string name = type();
  if (name == "default")
    return;
  rope.context = wantedContext(in, model);
  rope.originalContext = originalContext();
  int64_t trained = in.size({"", "max_position_embeddings"}, model.maxContext);
  double ratio = double(trained) / rope.originalContext;
  // Older checkpoints of Phi-3 have other names for LongRoPE.
  if (name == "longrope" || name == "su" ||
      (name == "yarn" && object.contains("long_factor"))) {
    rope.factor = number("factor", ratio);
    return readLongRope(rope);
  }
  static constexpr std::pair<std::string_view, Scaling> known[] = {
      {"linear", Scaling::Linear},
      {"dynamic", Scaling::Dynamic},
      {"yarn", Scaling::Yarn},
      {"llama3", Scaling::Llama3}};
  for (auto [spelling, scaling] : known)
    if (spelling == name)
      rope.scaling = scaling;
  if (rope.scaling == Scaling::None)
    return in.fail("rope type " + quote(name) +
                   ", expected default, linear, dynamic, yarn, longrope or "
                   "llama3");
  bool isYarn = rope.scaling == Scaling::Yarn;
  rope.factor = number("factor", isYarn ? std::optional(ratio) : std::nullopt);
  if (isYarn)
    readYarn(rope);
  if (rope.scaling == Scaling::Llama3)
    readLlama3(rope);
  if (rope.scaling == Scaling::Dynamic) {
    rope.originalContext = double(trained);
    double longest = std::min(rope.factor * double(trained), 0x1p30);
    model.maxContext =
        std::max(trained, std::min(in.requestedContext(), int64_t(longest)));
  }
}

RopeSettings ConfigRope::read(std::string_view thetaKey) {
  RopeSettings rope;
  double theta = in.number({"", thetaKey}, defaults.theta);
  rope.theta = number("rope_theta", theta);
  if (!(rope.theta > 0))
    in.fail(std::string(thetaKey) +
            " is not above 0, expected a number above 0");
  double share = in.number({"", defaults.partialKey}, defaults.partial);
  share = number("partial_rotary_factor", share);
  rope.columns =
      defaults.columns
          ? defaults.columns
          : turningColumns(in, model, double(model.headSize) * share);
  readScaling(rope);
  return rope;
}

/// `value` of the key `name` if it is an object, an empty one if it is null;
/// anything else is an error.
const Json &objectOf(Hyperparameters &in, const std::string &name,
                     const Json &value) {
  static const Json empty = Json::object();
  if (!value.is_object() && !value.is_null())
    in.fail(name + " is " + shownJson(value) + ", expected an object");
  return value.is_object() ? value : empty;
}

RopeSettings readConfig(Hyperparameters &in, ModelDescription &model,
                        const RopeDefaults &defaults, std::string_view kind) {
  bool sliding = kind == "sliding_attention";
  std::string name = "rope_parameters";
  const Json *object = &objectOf(in, name, in.json(name));
  if (!kind.empty()) {
    static const Json absent;
    auto inner = object->find(kind);
    object = &objectOf(in, name + "." + std::string(kind),
                       inner == object->end() ? absent : *inner);
  }
  // The older form scales full attention only.
  const Json &old = objectOf(in, "rope_scaling", in.json("rope_scaling"));
  if (!old.empty() && !sliding)
    object = &old;
  return ConfigRope(in, model, defaults, *object)
      .read(sliding ? "rope_local_base_freq" : defaults.thetaKey);
}

//===----------------------------------------------------------------------===//
// GGUF
//===----------------------------------------------------------------------===//

/// The factors in tensor `name`, nothing if there is none.
std::vector<float> storedFactors(Hyperparameters &in, const char *name,
                                 int64_t columns) {
  const TensorView *view = in.checkpoint().find(name);
  if (!view)
    return {};
  std::vector<float> factors(columns / 2, 1);
  if (!view->format || view->format->name != "F32" || view->shape.size() != 1 ||
      size_t(view->shape[0]) != factors.size()) {
    in.fail("tensor " + quote(name) + " is no vector of " +
            std::to_string(factors.size()) + " f32 numbers, expected one");
    return factors;
  }
  decodeRow(*view->format, view->data.data(), columns / 2, factors.data());
  for (float &factor : factors)
    if (!(factor > 0) || !std::isfinite(factor)) {
      in.fail("tensor " + quote(name) +
              " holds a number that is not above 0, expected positive "
              "factors");
      factor = 1;
    }
  return factors;
}

void readGGUFYarn(Hyperparameters &in, RopeSettings &rope) {
  auto number = [&](const char *key, double fallback) {
    std::string name = std::string("rope.scaling.") + key;
    double value = in.number({name, ""}, fallback);
    if (!(value > 0))
      in.fail("metadata " + quote(in.ggufKey(name)) +
              " is not above 0, expected a number above 0");
    return value;
  };
  rope.scaling = Scaling::Yarn;
  rope.betaFast = number("yarn_beta_fast", 32);
  rope.betaSlow = number("yarn_beta_slow", 1);
  if (number("yarn_ext_factor", 1) != 1)
    in.fail("metadata " + quote(in.ggufKey("rope.scaling.yarn_ext_factor")) +
            " is not 1, expected 1");
  double factor = yarnAttention(rope.factor);
  // What config.json calls mscale_all_dim, beside an mscale of 1.
  if (in.has({"rope.scaling.yarn_log_multiplier", ""})) {
    double multiplier = number("yarn_log_multiplier", 1);
    factor /= yarnAttention(rope.factor, multiplier);
    // Converters of DeepSeek write a tenth of it.
    rope.scoreFactor = scoreFactor(rope.factor, 10 * multiplier);
  }
  // Converters write attention_factor of config.json as yarn_attn_factor.
  rope.attentionFactor =
      number("yarn_attn_factor", factor) * number("attn_factor", 1);
}

void readGGUFScaling(Hyperparameters &in, const ModelDescription &model,
                     RopeSettings &rope) {
  std::string type = in.text({"rope.scaling.type", ""}, "none");
  // The older name of a linear scale.
  rope.factor = in.number({"rope.scale_linear", ""}, 1);
  if (in.has({"rope.scaling.factor", ""}))
    rope.factor = in.number({"rope.scaling.factor", ""});
  rope.context = wantedContext(in, model);
  rope.originalContext = double(
      in.size({"rope.scaling.original_context_length", ""}, model.maxContext));
  if (type != "none" && type != "linear" && type != "yarn" &&
      type != "longrope")
    in.fail("rope scaling type " + quote(type) +
            ", expected none, linear, yarn or longrope");
  if (!(rope.factor > 0))
    in.fail("rope scaling factor is not above 0, expected a number above 0");
  if (type == "yarn")
    return readGGUFYarn(in, rope);
  rope.attentionFactor = in.number({"rope.scaling.attn_factor", ""}, 1);
  if (rope.factor != 1 && type != "longrope")
    rope.scaling = Scaling::Linear;
}

RopeSettings readGGUF(Hyperparameters &in, const ModelDescription &model,
                      const RopeDefaults &defaults) {
  RopeSettings rope;
  rope.theta = in.number({"rope.freq_base", ""}, defaults.theta);
  if (!(rope.theta > 0))
    in.fail("metadata " + quote(in.ggufKey("rope.freq_base")) +
            " is not above 0, expected a number above 0");
  rope.columns = turningColumns(
      in, model,
      double(in.size({"rope.dimension_count", ""},
                     defaults.columns ? defaults.columns : model.headSize)));
  readGGUFScaling(in, model, rope);
  // Llama 3's settings are such factors, and LongRoPE's.
  rope.factors = storedFactors(in, "rope_freqs.weight", rope.columns);
  bool longer = rope.context > rope.originalContext;
  std::vector<float> chosen = storedFactors(
      in, longer ? "rope_factors_long.weight" : "rope_factors_short.weight",
      rope.columns);
  if (!chosen.empty())
    rope.factors = std::move(chosen);
  return rope;
}

} // namespace

RopeSettings mica::readRope(Hyperparameters &in, ModelDescription &model,
                            const RopeDefaults &defaults,
                            std::string_view kind) {
  return in.isGGUF() ? readGGUF(in, model, defaults)
                     : readConfig(in, model, defaults, kind);
}
