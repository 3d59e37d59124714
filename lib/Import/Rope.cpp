//===- Rope.cpp - Inverse frequencies of rotary positions -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Rope.h"

#include <cmath>
#include <numbers>

using namespace mica;
using Json = nlohmann::json;

namespace {

/// Reads the settings of one rope from an object of config.json.
class ConfigRope {
public:
  ConfigRope(Hyperparameters &in, const Json &object)
      : in(in), object(object) {}

  double number(const char *key, std::optional<double> fallback) {
    auto it = object.find(key);
    if (it == object.end() || it->is_null()) {
      if (!fallback)
        in.fail(std::string("rope setting ") + key +
                " is missing, expected a number");
      return fallback.value_or(1);
    }
    if (!it->is_number() || !std::isfinite(it->get<double>()) ||
        it->get<double>() <= 0) {
      in.fail(std::string("rope setting ") + key +
              " is no number above 0, expected one");
      return 1;
    }
    return it->get<double>();
  }

  std::string type() {
    for (const char *key : {"rope_type", "type"})
      if (auto it = object.find(key); it != object.end() && it->is_string())
        return it->get<std::string>();
    return "default";
  }

private:
  Hyperparameters &in;
  const Json &object;
};

/// Scaling by `type`, from the numbers of `object`.
void readScaling(Hyperparameters &in, const Json &object, RopeSettings &rope) {
  using Scaling = RopeSettings::Scaling;
  ConfigRope config(in, object);
  std::string type = config.type();
  if (config.number("partial_rotary_factor", 1) != 1)
    in.fail("partial_rotary_factor is not 1, expected whole heads to rotate");
  if (type == "default")
    return;
  if (type != "linear" && type != "llama3") {
    in.fail("rope type " + quote(type) +
            ", expected default, linear or llama3");
    return;
  }
  rope.scaling = type == "linear" ? Scaling::Linear : Scaling::Llama3;
  rope.factor = config.number("factor", {});
  if (type == "linear")
    return;
  rope.lowFactor = config.number("low_freq_factor", {});
  rope.highFactor = config.number("high_freq_factor", {});
  rope.originalContext =
      config.number("original_max_position_embeddings",
                    double(in.size({"", "max_position_embeddings"}, 2048)));
  if (rope.highFactor <= rope.lowFactor)
    in.fail("rope setting high_freq_factor is " +
            std::to_string(rope.highFactor) +
            ", expected more than "
            "low_freq_factor");
}

RopeSettings readGGUF(Hyperparameters &in, double defaultTheta) {
  RopeSettings rope;
  rope.theta = in.number({"rope.freq_base", ""}, defaultTheta);
  if (!(rope.theta > 0))
    in.fail("metadata " + quote(in.ggufKey("rope.freq_base")) +
            " is not above 0, expected a number above 0");
  std::string type = in.text({"rope.scaling.type", ""}, "none");
  // The older name of a linear scale.
  rope.factor = in.number({"rope.scale_linear", ""}, 1);
  if (in.has({"rope.scaling.factor", ""}))
    rope.factor = in.number({"rope.scaling.factor", ""});
  if (type != "none" && type != "linear")
    in.fail("rope scaling type " + quote(type) + ", expected none or linear");
  if (!(rope.factor > 0))
    in.fail("rope scaling factor is not above 0, expected a number above 0");
  if (rope.factor != 1)
    rope.scaling = RopeSettings::Scaling::Linear;
  return rope;
}

/// The value of `key` if it is an object, else an empty one.
const Json &objectAt(const Json &parent, std::string_view key) {
  static const Json empty = Json::object();
  if (!parent.is_object())
    return empty;
  auto it = parent.find(key);
  return it != parent.end() && it->is_object() ? *it : empty;
}

} // namespace

RopeSettings mica::readRope(Hyperparameters &in, double defaultTheta,
                            std::string_view kind) {
  if (in.isGGUF())
    return readGGUF(in, defaultTheta);
  bool sliding = kind == "sliding_attention";
  RopeSettings rope;
  const Json *object = &in.json("rope_parameters");
  if (!kind.empty())
    object = &objectAt(*object, kind);
  // The older form scales full attention only.
  const Json &old = in.json("rope_scaling");
  if (old.is_object() && !old.empty() && !sliding)
    object = &old;
  static const Json empty = Json::object();
  if (!object->is_object())
    object = &empty;
  const char *oldTheta = sliding ? "rope_local_base_freq" : "rope_theta";
  double theta = in.number({"", oldTheta}, defaultTheta);
  rope.theta = ConfigRope(in, *object).number("rope_theta", theta);
  if (!(rope.theta > 0))
    in.fail(std::string(oldTheta) +
            " is not above 0, expected a number above 0");
  if (in.number({"", "partial_rotary_factor"}, 1) != 1)
    in.fail("partial_rotary_factor is not 1, expected whole heads to rotate");
  readScaling(in, *object, rope);
  return rope;
}

std::vector<float> mica::inverseFrequencies(const RopeSettings &rope,
                                            int64_t columns) {
  using Scaling = RopeSettings::Scaling;
  std::vector<float> result(columns / 2);
  float factor = float(rope.factor);
  float longest = float(rope.originalContext / rope.lowFactor);
  float shortest = float(rope.originalContext / rope.highFactor);
  float low = float(rope.lowFactor),
        range = float(rope.highFactor - rope.lowFactor);
  for (size_t i = 0; i < result.size(); ++i) {
    float exponent = float(2 * i) / float(columns);
    float f = 1 / float(std::pow(double(float(rope.theta)), double(exponent)));
    if (rope.scaling == Scaling::Linear)
      f /= factor;
    if (rope.scaling == Scaling::Llama3) {
      float wavelength = (1 / f) * float(2 * std::numbers::pi);
      float smooth =
          ((1 / wavelength) * float(rope.originalContext) - low) / range;
      if (wavelength > longest)
        f /= factor;
      else if (!(wavelength < shortest))
        f = (1 - smooth) * f / factor + smooth * f;
    }
    result[i] = f;
  }
  return result;
}

void mica::applyStoredFactors(Hyperparameters &in,
                              std::vector<float> &frequencies) {
  const TensorView *view = in.checkpoint().find("rope_freqs.weight");
  if (!view)
    return;
  std::vector<float> factors(frequencies.size());
  if (view->format->name != "F32" || view->shape.size() != 1 ||
      size_t(view->shape[0]) != factors.size()) {
    in.fail("tensor 'rope_freqs.weight' is no vector of " +
            std::to_string(factors.size()) + " f32 numbers, expected one");
    return;
  }
  decodeRow(*view->format, view->data.data(), factors.size(), factors.data());
  for (size_t i = 0; i < factors.size(); ++i) {
    if (!(factors[i] > 0) || !std::isfinite(factors[i]))
      in.fail("tensor 'rope_freqs.weight' holds a number that is not above 0, "
              "expected positive factors");
    frequencies[i] /= factors[i];
  }
}
