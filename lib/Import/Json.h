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

/// Parses `text` into an object. `thing` names it in messages, as in
/// "model.safetensors: header" or "config.json".
inline Expected<nlohmann::json>
parseJsonObject(const std::string &thing, std::span<const std::byte> text) {
  auto *begin = reinterpret_cast<const char *>(text.data());
  if (size_t depth = jsonNesting({begin, text.size()}); depth > kMaxJsonNesting)
    return Error{thing + ": JSON nested " + std::to_string(depth) +
                 " deep, expected at most " + std::to_string(kMaxJsonNesting)};
  nlohmann::json value =
      nlohmann::json::parse(begin, begin + text.size(), nullptr, false);
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
