//===- Repr.cpp - Values as Python prints them ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Text.h"
#include "runtime/Chat/Value.h"

#include <cstdio>
#include <utf8proc.h>

using namespace mica;
using namespace mica::chat;

/// Whether `repr` leaves a character as it is.
static bool isPrintable(uint32_t point) {
  if (point == ' ')
    return true;
  switch (utf8proc_category(utf8proc_int32_t(point))) {
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_ZS:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
    return false;
  default:
    return true;
  }
}

static void appendEscaped(std::string &out, uint32_t point) {
  char text[16];
  const char *form = point < 0x100     ? "\\x%02x"
                     : point < 0x10000 ? "\\u%04x"
                                       : "\\U%08x";
  std::snprintf(text, sizeof(text), form, point);
  out += text;
}

static std::string quoted(std::string_view text) {
  char quote = text.find('\'') != std::string_view::npos &&
                       text.find('"') == std::string_view::npos
                   ? '"'
                   : '\'';
  std::string out(1, quote);
  for (std::string_view character : characters(text)) {
    uint32_t point = codePoint(character);
    if (point == uint32_t(quote) || point == '\\')
      (out += '\\') += character;
    else if (point == '\n' || point == '\r' || point == '\t')
      (out += '\\') += point == '\n' ? 'n' : point == '\r' ? 'r' : 't';
    else if (isPrintable(point) && (point < 0x80 || character.size() > 1))
      out += character;
    else
      appendEscaped(out, point);
  }
  return out += quote;
}

static std::string reprList(const Value &value) {
  if (value.listKind() == Value::ListKind::Generator)
    return "<generator object>";
  bool tuple = value.listKind() == Value::ListKind::Tuple;
  std::string out = tuple ? "(" : "[";
  for (const Value &item : value.list()) {
    out += out.size() > 1 ? ", " : "";
    out += toRepr(item);
  }
  if (tuple && value.list().size() == 1)
    out += ',';
  return out += tuple ? ')' : ']';
}

static std::string reprDict(const Value &value) {
  std::string out = "{";
  for (const auto &[key, item] : value.dict()) {
    out += out.size() > 1 ? ", " : "";
    out += toRepr(key) + ": " + toRepr(item);
  }
  return out += '}';
}

std::string chat::toText(const Value &value) {
  if (value.isString())
    return value.string();
  return value.isUndefined() ? "" : toRepr(value);
}

std::string chat::toRepr(const Value &value) {
  switch (value.kind()) {
  case Value::Kind::Undefined:
    return "Undefined";
  case Value::Kind::None:
    return "None";
  case Value::Kind::Bool:
    return value.boolean() ? "True" : "False";
  case Value::Kind::Int:
    return std::to_string(value.integer());
  case Value::Kind::Float:
    return formatFloat(value.real());
  case Value::Kind::String:
    return quoted(value.string());
  case Value::Kind::List:
    return reprList(value);
  case Value::Kind::Dict:
    return reprDict(value);
  default:
    return std::string("<") + value.typeName() + ">";
  }
}
