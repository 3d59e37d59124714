//===- Settings.h - Settings of a method of quantization --------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_QUANTIZED_SETTINGS_H
#define LIB_IMPORT_QUANTIZED_SETTINGS_H

#include "mica/Status.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace mica {

/// Settings in an object of a JSON file.
class Settings {
public:
  /// `thing` names the object in messages, as in "config.json: section".
  Settings(std::string thing, const nlohmann::json &object, Status &status)
      : thing(std::move(thing)), object(object), status(status) {}

  /// The value of `key`, null if absent.
  const nlohmann::json &json(const char *key) const;
  /// A whole number; it must be there unless there is a fallback.
  int64_t integer(const char *key, int64_t least, int64_t most,
                  std::optional<int64_t> fallback = {});
  double number(const char *key, double fallback);
  bool flag(const char *key, bool fallback);
  /// One of `known`, in lower case; the first where the setting is absent.
  std::string choice(const char *key,
                     const std::vector<std::string_view> &known);
  /// Settings in the object `key`.
  Settings section(const char *key);

  void fail(const char *key, const std::string &expected);
  bool failed() const { return !status; }

private:
  std::string thing;
  const nlohmann::json &object;
  Status &status;
};

/// "a, b or c".
std::string anyOf(const std::vector<std::string_view> &words);

} // namespace mica

#endif // LIB_IMPORT_QUANTIZED_SETTINGS_H
