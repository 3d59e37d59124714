//===- Json.h - Values from JSON and back -----------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_JSON_H
#define RUNTIME_CHAT_JSON_H

#include "mica/Status.h"
#include "runtime/Chat/Value.h"

#include "nlohmann/json_fwd.hpp"

namespace mica::chat {

/// Fails on numbers of more than 64 bits and beyond `kMaxNesting`.
Expected<Value> fromJson(const nlohmann::ordered_json &json);

/// How Python's `json.dumps` writes.
struct JsonStyle {
  bool ascii = false, sortKeys = false;
  std::optional<std::string> indent = {}; ///< Of one level.
  std::string item = ", ", key = ": ";    ///< Separators.
};

/// The text of a value, or the name of a type that JSON has not.
Expected<std::string> toJson(const Value &value, const JsonStyle &style);

} // namespace mica::chat

#endif // RUNTIME_CHAT_JSON_H
