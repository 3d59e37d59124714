//===- Tests.cpp - The tests of Jinja -------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Interpreter.h"
#include "runtime/Chat/Text.h"

#include <algorithm>

using namespace mica;
using namespace mica::chat;

/// The rest of Python's division by `by`.
static Value divides(Call &c, const Value &by, int64_t wanted) {
  Value rest = c.in.binary("%", c.self, by);
  return Value(!c.in.failed() && equal(rest, Value(wanted)));
}

/// What the operator `word` says of the value and the argument.
template <int low, int high> static Value ordered(Call &c) {
  auto sign = c.in.compare(c.self, c[0]);
  if (!sign)
    return c.in.fail("'" + std::string(c.self.typeName()) + "' and '" +
                     c[0].typeName() + "' compared, expected what is ordered");
  int clamped = std::clamp(*sign, -1, 1);
  return Value(low <= clamped && clamped <= high);
}

static Value isIn(Call &c) {
  if (c[0].isString() && c.self.isString())
    return Value(c[0].string().find(c.self.string()) != std::string::npos);
  for (const Value &item : c.in.items(c[0]))
    if (c.in.equals(item, c.self))
      return Value(true);
  return Value(false);
}

template <std::string (*change)(std::string_view),
          std::string (*other)(std::string_view)>
static Value hasCase(Call &c) {
  std::string text = c.in.textOf(c.self);
  return Value(change(text) == text && other(text) != text);
}

template <Value::Kind kind> static Value isKind(Call &c) {
  return Value(c.self.is(kind));
}

static Value isEqual(Call &c) { return Value(c.in.equals(c.self, c[0])); }

static Value isSequence(Call &c) {
  return Value(
      c.self.isString() || c.self.isDict() || c.self.isUndefined() ||
      (c.self.isList() && c.self.listKind() != Value::ListKind::Generator));
}

static const Native tests[] = {
    {"defined", "", [](Call &c) { return Value(!c.self.isUndefined()); }},
    {"undefined", "", isKind<Value::Kind::Undefined>},
    {"none", "", isKind<Value::Kind::None>},
    {"boolean", "", isKind<Value::Kind::Bool>},
    {"integer", "", isKind<Value::Kind::Int>},
    {"float", "", isKind<Value::Kind::Float>},
    {"string", "", isKind<Value::Kind::String>},
    {"mapping", "", isKind<Value::Kind::Dict>},
    {"number", "", [](Call &c) { return Value(c.self.isNumber()); }},
    {"true", "",
     [](Call &c) {
       return Value(c.self.is(Value::Kind::Bool) && c.self.truth());
     }},
    {"false", "",
     [](Call &c) {
       return Value(c.self.is(Value::Kind::Bool) && !c.self.truth());
     }},
    {"sequence", "", isSequence},
    {"iterable", "",
     [](Call &c) {
       return Value(c.self.isString() || c.self.isDict() || c.self.isList() ||
                    c.self.isUndefined());
     }},
    {"callable", "",
     [](Call &c) {
       return Value(c.self.is(Value::Kind::Function) ||
                    c.self.is(Value::Kind::Loop) || c.self.isUndefined());
     }},
    {"sameas", "other",
     [](Call &c) {
       return Value(c.self.kind() == c[0].kind() && equal(c.self, c[0]));
     }},
    {"eq", "other", isEqual},
    {"equalto", "other", isEqual},
    {"==", "other", isEqual},
    {"ne", "other", [](Call &c) { return Value(!c.in.equals(c.self, c[0])); }},
    {"!=", "other", [](Call &c) { return Value(!c.in.equals(c.self, c[0])); }},
    {"lt", "other", ordered<-1, -1>},
    {"lessthan", "other", ordered<-1, -1>},
    {"<", "other", ordered<-1, -1>},
    {"le", "other", ordered<-1, 0>},
    {"<=", "other", ordered<-1, 0>},
    {"gt", "other", ordered<1, 1>},
    {"greaterthan", "other", ordered<1, 1>},
    {">", "other", ordered<1, 1>},
    {"ge", "other", ordered<0, 1>},
    {">=", "other", ordered<0, 1>},
    {"in", "seq", isIn},
    {"divisibleby", "num", [](Call &c) { return divides(c, c[0], 0); }},
    {"even", "", [](Call &c) { return divides(c, Value(int64_t(2)), 0); }},
    {"odd", "", [](Call &c) { return divides(c, Value(int64_t(2)), 1); }},
    {"lower", "", hasCase<toLower, toUpper>},
    {"upper", "", hasCase<toUpper, toLower>},
    {"escaped", "", [](Call &) { return Value(false); }},
    {"filter", "",
     [](Call &c) {
       return Value(c.self.isString() && findFilter(c.self.string()));
     }},
    {"test", "",
     [](Call &c) {
       return Value(c.self.isString() && findTest(c.self.string()));
     }},
};

const Native *chat::findTest(std::string_view name) {
  auto it = std::find_if(std::begin(tests), std::end(tests),
                         [&](const Native &row) { return row.name == name; });
  return it == std::end(tests) ? nullptr : it;
}
