//===- Hyperparameters.cpp - Named settings of a checkpoint ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Hyperparameters.h"
#include "lib/Import/Json.h"

#include <cmath>

using namespace mica;
using Json = nlohmann::json;

Hyperparameters::Hyperparameters(const Checkpoint &checkpoint, int64_t context)
    : source(checkpoint), requested(context), section(&checkpoint.config()) {
  if (const GGUF *gguf = source.gguf()) {
    Expected<std::string_view> found = gguf->getString("general.architecture");
    if (found)
      arch = *found;
    else
      error = found.takeError();
    return;
  }
  const Json &type = json("model_type");
  if (type.is_string())
    arch = type.get<std::string>();
  else
    fail("model_type is " + shownJson(type) + ", expected a string");
}

const Json &Hyperparameters::json(std::string_view key) const {
  static const Json absent;
  auto it = section->find(key);
  return it == section->end() ? absent : *it;
}

std::string Hyperparameters::ggufKey(std::string_view key) const {
  return arch + "." + std::string(key);
}

std::string Hyperparameters::nameOf(Key key) const {
  return isGGUF() ? "metadata " + quote(ggufKey(key.gguf))
                  : std::string(key.config);
}

bool Hyperparameters::has(Key key) const {
  if (const GGUF *gguf = source.gguf())
    return !key.gguf.empty() && gguf->contains(ggufKey(key.gguf));
  return !key.config.empty() && !json(key.config).is_null();
}

bool Hyperparameters::saysNone(std::string_view key) const {
  auto it = section->find(key);
  return it != section->end() && it->is_null();
}

void Hyperparameters::enter(std::string_view name) {
  if (json(name).is_object())
    section = &json(name);
}

void Hyperparameters::fail(const std::string &what) {
  if (!error)
    error = Error{source.configPath() + ": " + what};
}

void Hyperparameters::require(std::string_view key, const Json &expected) {
  const Json &found = json(key);
  if (!found.is_null() && found != expected)
    fail(std::string(key) + " is " + shownJson(found) + ", expected " +
         shownJson(expected));
}

int64_t Hyperparameters::integer(Key key, std::optional<int64_t> fallback,
                                 int64_t least) {
  if (!has(key)) {
    if (!fallback)
      fail(nameOf(key) + " is missing, expected an integer");
    return fallback.value_or(1);
  }
  int64_t value = -1;
  std::string found;
  if (const GGUF *gguf = source.gguf()) {
    Expected<int64_t> read = gguf->getInt(ggufKey(key.gguf));
    if (!read) {
      if (!error)
        error = read.takeError();
      return 1;
    }
    value = *read;
    found = std::to_string(value);
  } else {
    const Json &read = json(key.config);
    if (read.is_number_integer() &&
        (!read.is_number_unsigned() || read.get<uint64_t>() <= INT64_MAX))
      value = read.get<int64_t>();
    found = shownJson(read);
  }
  if (value < least || value > INT32_MAX) {
    fail(nameOf(key) + " is " + found + ", expected an integer from " +
         std::to_string(least) + " to 2147483647");
    return 1;
  }
  return value;
}

int64_t Hyperparameters::size(Key key, std::optional<int64_t> fallback) {
  return integer(key, fallback, 1);
}

int64_t Hyperparameters::count(Key key, std::optional<int64_t> fallback) {
  return integer(key, fallback, 0);
}

std::optional<std::vector<int64_t>>
Hyperparameters::layerCounts(std::string_view key, size_t layers) {
  const GGUF *gguf = source.gguf();
  std::string name = ggufKey(key);
  if (!gguf || !gguf->isArray(name))
    return std::nullopt;
  Expected<std::vector<int64_t>> counts = gguf->getInts(name);
  bool valid = counts && counts->size() == layers;
  for (size_t i = 0; valid && i < layers; ++i)
    valid = (*counts)[i] >= 0 && (*counts)[i] <= INT32_MAX;
  if (!valid) {
    fail("metadata " + quote(name) + " does not fit the layers, expected " +
         std::to_string(layers) + " integers from 0 to 2147483647");
    return std::nullopt;
  }
  return std::move(*counts);
}

double Hyperparameters::number(Key key, std::optional<double> fallback) {
  if (!has(key)) {
    if (!fallback)
      fail(nameOf(key) + " is missing, expected a number");
    return fallback.value_or(1);
  }
  double value = NAN;
  if (const GGUF *gguf = source.gguf()) {
    Expected<double> read = gguf->getFloat(ggufKey(key.gguf));
    if (!read) {
      if (!error)
        error = read.takeError();
      return 1;
    }
    value = *read;
  } else if (json(key.config).is_number()) {
    value = json(key.config).get<double>();
  }
  if (!std::isfinite(value)) {
    fail(nameOf(key) + " is " +
         (isGGUF() ? "not finite" : shownJson(json(key.config))) +
         ", expected a finite number");
    return 1;
  }
  return value;
}

double Hyperparameters::positive(Key key) {
  if (!has(key))
    return 0;
  double value = number(key);
  if (!(value > 0))
    fail(nameOf(key) + " is " + std::to_string(value) +
         ", expected a number above 0");
  return value;
}

bool Hyperparameters::flag(Key key, bool fallback) {
  if (!has(key))
    return fallback;
  if (const GGUF *gguf = source.gguf()) {
    Expected<bool> read = gguf->getBool(ggufKey(key.gguf));
    if (!read && !error)
      error = read.takeError();
    return read ? *read : fallback;
  }
  const Json &read = json(key.config);
  if (!read.is_boolean())
    fail(nameOf(key) + " is " + shownJson(read) + ", expected true or false");
  return read.is_boolean() ? read.get<bool>() : fallback;
}

std::string Hyperparameters::text(Key key, std::string_view fallback) {
  if (!has(key))
    return std::string(fallback);
  if (const GGUF *gguf = source.gguf()) {
    Expected<std::string_view> read = gguf->getString(ggufKey(key.gguf));
    if (!read && !error)
      error = read.takeError();
    return std::string(read ? *read : fallback);
  }
  const Json &read = json(key.config);
  if (!read.is_string())
    fail(nameOf(key) + " is " + shownJson(read) + ", expected a string");
  return read.is_string() ? read.get<std::string>() : std::string(fallback);
}
