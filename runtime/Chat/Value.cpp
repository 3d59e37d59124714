//===- Value.cpp - What the expressions of a chat template are ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Value.h"

#include <algorithm>

using namespace mica::chat;

/// A sum that stays below 2^62, however often parts are shared.
static uint64_t add(uint64_t a, uint64_t b) {
  return std::min(a + b, uint64_t(1) << 61);
}

Value::Value(List items, ListKind kind) {
  uint32_t deepest = 0;
  uint64_t weight = 16;
  for (const Value &item : items) {
    deepest = std::max(deepest, item.nesting());
    weight = add(weight, item.weight());
  }
  data = std::make_shared<const ListData>(
      ListData{std::move(items), kind, deepest + 1, weight});
}

Value::Value(Dict items) {
  uint32_t deepest = 0;
  uint64_t weight = 16;
  for (const auto &[key, value] : items) {
    deepest = std::max({deepest, key.nesting(), value.nesting()});
    weight = add(weight, add(key.weight(), value.weight()));
  }
  data = std::make_shared<const DictData>(
      DictData{std::move(items), deepest + 1, weight});
}

Value Value::none() {
  Value value;
  value.data.emplace<1>();
  return value;
}

Value Value::undefined(std::string why) {
  Value value;
  value.data.emplace<0>(std::make_shared<const std::string>(std::move(why)));
  return value;
}

int64_t Value::integer() const {
  return is(Kind::Bool) ? boolean() : std::get<3>(data);
}

double Value::real() const {
  return is(Kind::Float) ? std::get<4>(data) : double(integer());
}

std::string Value::reason() const {
  const auto &why = std::get<0>(data);
  return why ? *why : "a value is undefined";
}

const Value *Value::find(std::string_view key) const {
  for (const auto &[name, value] : dict())
    if (name.isString() && name.string() == key)
      return &value;
  return nullptr;
}

const Value *Value::find(const Value &key) const {
  for (const auto &[name, value] : dict())
    if (equal(name, key))
      return &value;
  return nullptr;
}

uint32_t Value::nesting() const {
  if (isList())
    return std::get<6>(data)->nesting;
  return isDict() ? std::get<7>(data)->nesting : 0;
}

uint64_t Value::weight() const {
  if (isList())
    return std::get<6>(data)->weight;
  if (isDict())
    return std::get<7>(data)->weight;
  return 16 + (isString() ? string().size() : 0);
}

const char *Value::typeName() const {
  static const char *const names[] = {
      "Undefined", "NoneType", "bool",      "int",         "float",   "str",
      "list",      "dict",     "Namespace", "LoopContext", "function"};
  if (isList() && listKind() != ListKind::List)
    return listKind() == ListKind::Tuple ? "tuple" : "generator";
  return names[size_t(kind())];
}

bool Value::truth() const {
  switch (kind()) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Bool:
    return boolean();
  case Kind::Int:
    return integer() != 0;
  case Kind::Float:
    return real() != 0;
  case Kind::String:
    return !string().empty();
  case Kind::List:
    return listKind() == ListKind::Generator || !list().empty();
  case Kind::Dict:
    return !dict().empty();
  default:
    return true;
  }
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

static bool equalLists(const List &a, const List &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

static bool equalDicts(const Value &a, const Value &b) {
  if (a.dict().size() != b.dict().size())
    return false;
  return std::all_of(a.dict().begin(), a.dict().end(), [&](const auto &pair) {
    const Value *other = b.find(pair.first);
    return other && equal(pair.second, *other);
  });
}

bool mica::chat::equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return a.isInteger() && b.isInteger() ? a.integer() == b.integer()
                                          : a.real() == b.real();
  if (a.kind() != b.kind())
    return false;
  switch (a.kind()) {
  case Value::Kind::String:
    return a.string() == b.string();
  case Value::Kind::List:
    return a.listKind() == b.listKind() && equalLists(a.list(), b.list());
  case Value::Kind::Dict:
    return equalDicts(a, b);
  case Value::Kind::Namespace:
    return a.space() == b.space();
  case Value::Kind::Loop:
    return a.loop() == b.loop();
  case Value::Kind::Function:
    return &a.function() == &b.function();
  default:
    return true; // Undefined, None.
  }
}

static std::optional<int> orderLists(const List &a, const List &b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (!equal(a[i], b[i]))
      return order(a[i], b[i]);
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

std::optional<int> mica::chat::order(const Value &a, const Value &b) {
  if (a.isInteger() && b.isInteger())
    return a.integer() < b.integer() ? -1 : a.integer() > b.integer();
  if (a.isNumber() && b.isNumber())
    return a.real() < b.real() ? -1 : a.real() > b.real();
  // The order of UTF-8 is that of code points.
  if (a.isString() && b.isString())
    return a.string().compare(b.string());
  if (a.isList() && b.isList() && a.listKind() == b.listKind())
    return orderLists(a.list(), b.list());
  return std::nullopt;
}
