//===- Json.h - JSON files that may be hostile ------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_JSON_H
#define LIB_IMPORT_JSON_H

#include "lib/Import/MappedFile.h"
#include "runtime/JsonNesting.h"

#include <nlohmann/json.hpp>

namespace mica {

/// `text` with null for the numbers that Python writes and JSON lacks: NaN,
/// Infinity and -Infinity.
inline std::string withoutNonFinite(std::string_view text) {
  std::string result;
  bool quoted = false;
  while (!text.empty()) {
    size_t taken = 1;
    std::string_view shown = text.substr(0, 1);
    if (quoted && text[0] == '\\' && text.size() > 1)
      shown = text.substr(0, taken = 2);
    else if (text[0] == '"')
      quoted = !quoted;
    else if (!quoted)
      for (std::string_view name : {"NaN", "Infinity", "-Infinity"})
        if (text.starts_with(name)) {
          taken = name.size();
          shown = "null";
        }
    result += shown;
    text.remove_prefix(taken);
  }
  return result;
}

/// Parses `text` into an object; numbers that are not finite become null.
/// `thing` names it in messages, as in "model.safetensors: header" or
/// "config.json".
inline Expected<nlohmann::json>
parseJsonObject(const std::string &thing, std::span<const std::byte> text) {
  auto *begin = reinterpret_cast<const char *>(text.data());
  if (size_t depth = jsonNesting({begin, text.size()}); depth > kMaxJsonNesting)
    return Error{thing + ": JSON nested " + std::to_string(depth) +
                 " deep, expected at most " + std::to_string(kMaxJsonNesting)};
  nlohmann::json value =
      nlohmann::json::parse(begin, begin + text.size(), nullptr, false);
  if (value.is_discarded())
    value = nlohmann::json::parse(withoutNonFinite({begin, text.size()}),
                                  nullptr, false);
  if (value.is_discarded())
    return Error{thing + ": not valid JSON, expected a JSON object"};
  if (!value.is_object())
    return Error{thing + ": a JSON " + value.type_name() +
                 ", expected a JSON object"};
  return value;
}

/// A value as it may stand in a message.
inline std::string shownJson(const nlohmann::json &value) {
  if (value.is_string())
    return quote(value.get<std::string>());
  if (value.is_object() || value.is_array())
    return std::string("an ") + value.type_name();
  return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

} // namespace mica

#endif // LIB_IMPORT_JSON_H
