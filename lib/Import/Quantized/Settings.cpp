//===- Settings.cpp - Settings of a method of quantization ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Quantized/Settings.h"
#include "lib/Import/Json.h"

#include <algorithm>

using namespace mica;
using Json = nlohmann::json;

std::string mica::anyOf(const std::vector<std::string_view> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0                  ? ""
             : i + 1 == words.size() ? " or "
                                     : ", ") +
            std::string(words[i]);
  return text;
}

const Json &Settings::json(const char *key) const {
  static const Json absent;
  if (!object.is_object())
    return absent;
  auto it = object.find(key);
  return it == object.end() ? absent : *it;
}

void Settings::fail(const char *key, const std::string &expected) {
  if (!status)
    return;
  const Json &found = json(key);
  status = Error{thing + ": " + key + " is " +
                 (found.is_null() ? "missing" : shownJson(found)) +
                 ", expected " + expected};
}

int64_t Settings::integer(const char *key, int64_t least, int64_t most,
                          std::optional<int64_t> fallback) {
  const Json &found = json(key);
  if (found.is_null() && fallback)
    return *fallback;
  bool fits = found.is_number_integer() &&
              (!found.is_number_unsigned() ||
               found.get<uint64_t>() <= uint64_t(INT64_MAX));
  int64_t value = fits ? found.get<int64_t>() : least;
  if (!fits || value < least || value > most)
    fail(key, "an integer from " + std::to_string(least) + " to " +
                  std::to_string(most));
  return std::clamp(value, least, most);
}

double Settings::number(const char *key, double fallback) {
  const Json &found = json(key);
  if (!found.is_null() && !found.is_number())
    fail(key, "a number");
  return found.is_number() ? found.get<double>() : fallback;
}

bool Settings::flag(const char *key, bool fallback) {
  const Json &found = json(key);
  if (!found.is_null() && !found.is_boolean())
    fail(key, "true or false");
  return found.is_boolean() ? found.get<bool>() : fallback;
}

std::string Settings::choice(const char *key,
                             const std::vector<std::string_view> &known) {
  const Json &found = json(key);
  if (found.is_null())
    return std::string(known.front());
  std::string text = found.is_string() ? found.get<std::string>() : "";
  for (char &c : text)
    c = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
  if (std::ranges::find(known, text) == known.end())
    fail(key, anyOf(known));
  return text;
}

Settings Settings::section(const char *key) {
  const Json &found = json(key);
  if (!found.is_object())
    fail(key, "an object");
  return Settings(thing + ": " + key, found, status);
}
