//===- Json.cpp - Values from JSON and back -------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Json.h"
#include "runtime/Chat/Text.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace mica;
using namespace mica::chat;
using nlohmann::ordered_json;

static Expected<Value> read(const ordered_json &json, uint32_t depth) {
  if (depth > kMaxNesting)
    return Error{"variables nest deeper than " + std::to_string(kMaxNesting) +
                 ", expected less"};
  if (json.is_object()) {
    Dict pairs;
    for (const auto &[key, member] : json.items()) {
      auto value = read(member, depth + 1);
      if (!value)
        return value;
      pairs.emplace_back(Value(key), std::move(*value));
    }
    return Value(std::move(pairs));
  }
  if (json.is_array()) {
    List items;
    for (const ordered_json &element : json) {
      auto value = read(element, depth + 1);
      if (!value)
        return value;
      items.push_back(std::move(*value));
    }
    return Value(std::move(items));
  }
  if (json.is_string())
    return Value(json.get_ref<const std::string &>());
  if (json.is_boolean())
    return Value(json.get<bool>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t(INT64_MAX))
    return Error{"number " + json.dump() + ", expected one of 64 bits"};
  if (json.is_number_integer())
    return Value(json.get<int64_t>());
  return json.is_number_float() ? Value(json.get<double>()) : Value::none();
}

Expected<Value> chat::fromJson(const ordered_json &json) {
  return read(json, 1);
}

namespace {

class Writer {
public:
  explicit Writer(const JsonStyle &style) : style(style) {}

  void write(const Value &value, size_t depth);
  std::string out, wrong; // `wrong`: a type that JSON has not.

private:
  void writeString(std::string_view text);
  void writeKey(const Value &key);
  void writeNumber(double value);
  template <class Items, class Each>
  void writeAll(const Items &items, const char *brackets, size_t depth,
                Each each);

  const JsonStyle &style;
};

void escape(std::string &out, uint32_t unit) {
  char text[8];
  std::snprintf(text, sizeof(text), "\\u%04x", unit);
  out += text;
}

void Writer::writeString(std::string_view text) {
  static constexpr std::string_view special = "\"\\\n\r\t\b\f";
  static constexpr std::string_view letters = "\"\\nrtbf";
  out += '"';
  for (std::string_view character : characters(text)) {
    uint32_t point = codePoint(character);
    size_t known = point < 0x80 ? special.find(char(point)) : special.npos;
    if (known != special.npos) {
      (out += '\\') += letters[known];
    } else if (point < 0x20 || (style.ascii && point >= 0x7f)) {
      if (point >= 0x10000) {
        escape(out, 0xd800 + ((point - 0x10000) >> 10));
        escape(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
      } else if (point != 0x7f) {
        escape(out, point);
      } else {
        out += char(0x7f);
      }
    } else {
      out += character;
    }
  }
  out += '"';
}

void Writer::writeNumber(double value) {
  if (std::isfinite(value))
    out += formatFloat(value);
  else
    out += std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
}

void Writer::writeKey(const Value &key) {
  if (key.isString()) {
    writeString(key.string());
  } else if (key.isList() || key.isDict()) {
    wrong = key.typeName();
  } else {
    out += '"';
    write(key, 0);
    out += '"';
  }
}

template <class Items, class Each>
void Writer::writeAll(const Items &items, const char *brackets, size_t depth,
                      Each each) {
  auto newLine = [&](size_t levels) {
    if (!style.indent)
      return;
    out += '\n';
    for (; levels; --levels)
      out += *style.indent;
  };
  out += brackets[0];
  bool first = true;
  for (const auto &item : items) {
    if (!std::exchange(first, false))
      out += style.item;
    newLine(depth + 1);
    each(item);
  }
  if (!first)
    newLine(depth);
  out += brackets[1];
}

void Writer::write(const Value &value, size_t depth) {
  if (value.isString()) {
    writeString(value.string());
  } else if (value.isNone()) {
    out += "null";
  } else if (value.is(Value::Kind::Bool)) {
    out += value.boolean() ? "true" : "false";
  } else if (value.is(Value::Kind::Int)) {
    out += std::to_string(value.integer());
  } else if (value.is(Value::Kind::Float)) {
    writeNumber(value.real());
  } else if (value.isList() && value.listKind() != Value::ListKind::Generator) {
    writeAll(value.list(), "[]", depth,
             [&](const Value &item) { write(item, depth + 1); });
  } else if (value.isDict()) {
    Dict pairs = value.dict();
    if (style.sortKeys)
      std::sort(pairs.begin(), pairs.end(), [](const auto &a, const auto &b) {
        return toText(a.first) < toText(b.first);
      });
    writeAll(pairs, "{}", depth, [&](const auto &pair) {
      writeKey(pair.first);
      out += style.key;
      write(pair.second, depth + 1);
    });
  } else {
    wrong = value.typeName();
  }
}

} // namespace

Expected<std::string> chat::toJson(const Value &value, const JsonStyle &style) {
  Writer writer(style);
  writer.write(value, 0);
  if (!writer.wrong.empty())
    return Error{writer.wrong};
  return std::move(writer.out);
}
