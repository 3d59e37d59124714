//===- Operators.cpp - What values of a chat template do ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Interpreter.h"
#include "runtime/Chat/Text.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace mica;
using namespace mica::chat;

//===----------------------------------------------------------------------===//
// Making values
//===----------------------------------------------------------------------===//

Value Interpreter::text(std::string value) {
  if (value.size() > bytesLeft())
    return fail("template makes more than " + std::to_string(limits.bytes) +
                " bytes, expected fewer");
  bytes += value.size() + 16;
  bytes = std::min(bytes, limits.bytes);
  return failed() ? Value() : Value(std::move(value));
}

/// Fails if what was made is too large to be gone through.
static Value checked(Interpreter &in, Value value, uint64_t count) {
  if (!in.charge(1 + count / 4))
    return Value();
  if (value.nesting() > kMaxNesting)
    return in.fail("lists nest deeper than " + std::to_string(kMaxNesting) +
                   ", expected less");
  if (value.weight() > in.bytesLeft())
    return in.fail("list of " + std::to_string(value.weight()) +
                   " bytes, expected fewer");
  return value;
}

Value Interpreter::list(List items, Value::ListKind kind) {
  size_t count = items.size();
  bytes = std::min(bytes + count * sizeof(Value) + 64, limits.bytes);
  return checked(*this, Value(std::move(items), kind), count);
}

Value Interpreter::dict(Dict items) {
  size_t count = items.size();
  bytes = std::min(bytes + 2 * count * sizeof(Value) + 64, limits.bytes);
  return checked(*this, Value(std::move(items)), count);
}

Value Interpreter::newNamespace(Dict items) {
  if (!charge(4))
    return Value();
  namespaces.emplace_back();
  for (auto &[name, value] : items)
    namespaces.back().attributes.emplace_back(textOf(name), std::move(value));
  return Value(&namespaces.back());
}

List Interpreter::items(const Value &value) {
  if (!charge(1 + value.weight() / 256))
    return {};
  if (value.isList())
    return value.list();
  List result;
  if (value.isDict())
    for (const auto &pair : value.dict())
      result.push_back(pair.first);
  else if (value.isString())
    for (std::string_view character : characters(value.string()))
      result.emplace_back(character);
  else if (!value.isUndefined())
    fail("'" + std::string(value.typeName()) + "' object is not iterable");
  charge(result.size() / 8);
  return result;
}

std::string Interpreter::textOf(const Value &value) {
  if (!charge(1 + value.weight() / 256))
    return "";
  return toText(value);
}

bool Interpreter::equals(const Value &a, const Value &b) {
  return charge(1 + std::min(a.weight(), b.weight()) / 64) && equal(a, b);
}

std::optional<int> Interpreter::compare(const Value &a, const Value &b) {
  if (!charge(1 + std::min(a.weight(), b.weight()) / 64))
    return 0;
  return order(a, b);
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

static Value loopAttribute(const Loop &loop, std::string_view name) {
  auto number = [](size_t value) { return Value(int64_t(value)); };
  size_t size = loop.items.size(), i = loop.index;
  if (name == "index")
    return number(i + 1);
  if (name == "index0")
    return number(i);
  if (name == "revindex")
    return number(size - i);
  if (name == "revindex0")
    return number(size - i - 1);
  if (name == "first")
    return Value(i == 0);
  if (name == "last")
    return Value(i + 1 == size);
  if (name == "length")
    return number(size);
  if (name == "depth")
    return number(loop.depth);
  if (name == "depth0")
    return number(loop.depth - 1);
  if (name == "previtem" && i > 0 && i <= size)
    return loop.items[i - 1];
  if (name == "nextitem" && i + 1 < size)
    return loop.items[i + 1];
  return Value::undefined("there is no " + std::string(name) + " of the loop");
}

/// Python's name of a type, as messages of Jinja have it.
static std::string missing(const Value &object, const std::string &name) {
  return "'" + std::string(object.typeName()) + " object' has no attribute '" +
         name + "'";
}

static const Value *attributeOf(const Namespace &space, std::string_view name) {
  for (const auto &[key, value] : space.attributes)
    if (key == name)
      return &value;
  return nullptr;
}

Value Interpreter::attribute(const Value &object, std::string_view name) {
  if (failed())
    return Value();
  if (object.isUndefined())
    return fail(object.reason());
  if (object.is(Value::Kind::Namespace))
    if (const Value *found = attributeOf(*object.space(), name))
      return *found;
  if (const Native *native = findMethod(object, name))
    return Value(std::make_shared<const Function>(
        Function{nullptr, nullptr, native, object}));
  if (object.is(Value::Kind::Loop))
    return loopAttribute(*object.loop(), name);
  if (object.isDict() && charge(1 + object.dict().size() / 8))
    if (const Value *found = object.find(name))
      return *found;
  return Value::undefined(missing(object, std::string(name)));
}

Value Interpreter::item(const Value &object, const Value &key) {
  if (failed())
    return Value();
  if (object.isUndefined())
    return fail(object.reason());
  if (object.isDict()) {
    if (charge(1 + object.dict().size() / 8))
      if (const Value *found = object.find(key))
        return *found;
  } else if (key.isInteger() && (object.isList() || object.isString())) {
    // Of a string, only as many characters as are there.
    List values = items(object);
    int64_t size = int64_t(values.size()), index = key.integer();
    index += index < 0 ? size : 0;
    if (index >= 0 && index < size)
      return values[size_t(index)];
    return Value::undefined(std::string(object.typeName()) + " of " +
                            std::to_string(size) + " has no element " +
                            std::to_string(key.integer()));
  }
  if (key.isString() && !object.isDict())
    return attribute(object, key.string());
  if (key.isString())
    if (const Native *native = findMethod(object, key.string()))
      return Value(std::make_shared<const Function>(
          Function{nullptr, nullptr, native, object}));
  return Value::undefined(missing(object, textOf(key)));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static Value overflow(Interpreter &in) {
  return in.fail("number of more than 64 bits, expected a smaller one");
}

static Value power(Interpreter &in, int64_t base, int64_t exponent) {
  if (exponent < 0)
    return Value(std::pow(double(base), double(exponent)));
  int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result))
      return overflow(in);
    if (result == 0 || result == 1)
      return Value(result); // Of 0 or 1.
    if (base == -1)
      return Value(int64_t(exponent % 2 ? -1 : 1));
  }
  return Value(result);
}

static Value integers(Interpreter &in, std::string_view word, int64_t a,
                      int64_t b) {
  int64_t result = 0;
  if (word == "**")
    return power(in, a, b);
  if (word == "+"   ? __builtin_add_overflow(a, b, &result)
      : word == "-" ? __builtin_sub_overflow(a, b, &result)
      : word == "*" ? __builtin_mul_overflow(a, b, &result)
                    : false)
    return overflow(in);
  if (word == "+" || word == "-" || word == "*")
    return Value(result);
  if (b == 0)
    return in.fail("division by zero");
  if (word == "/")
    return Value(double(a) / double(b));
  if (b == -1)
    return word == "%" ? Value(int64_t(0)) : integers(in, "-", 0, a);
  int64_t rest = a % b;
  bool down = rest != 0 && (rest < 0) != (b < 0);
  return Value(word == "%" ? rest + (down ? b : 0) : a / b - down);
}

static Value floats(Interpreter &in, std::string_view word, double a,
                    double b) {
  if (word == "+")
    return Value(a + b);
  if (word == "-")
    return Value(a - b);
  if (word == "*")
    return Value(a * b);
  if (word == "**")
    return Value(std::pow(a, b));
  if (b == 0)
    return in.fail("division by zero");
  if (word == "/")
    return Value(a / b);
  if (word == "//")
    return Value(std::floor(a / b));
  double rest = std::fmod(a, b);
  return Value(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

/// A list or text, `count` times.
static Value repeat(Interpreter &in, const Value &value, int64_t count) {
  uint64_t times = uint64_t(std::max<int64_t>(count, 0));
  uint64_t size = value.isString() ? value.string().size()
                                   : value.list().size() * sizeof(Value);
  if (size && times > in.bytesLeft() / size)
    return in.fail("text is repeated " + std::to_string(times) +
                   " times, expected fewer");
  times = size ? times : 0;
  if (value.isString()) {
    std::string text;
    for (; times; --times)
      text += value.string();
    return in.text(std::move(text)).asSafe(value.isSafe());
  }
  List items;
  for (; times; --times)
    items.insert(items.end(), value.list().begin(), value.list().end());
  return in.list(std::move(items), value.listKind());
}

/// The text of `value` as it is joined with `other`.
static std::string addend(const Value &value, const Value &other) {
  return other.isSafe() && !value.isSafe() ? escapeHTML(value.string())
                                           : value.string();
}

Value Interpreter::binary(std::string_view word, const Value &a,
                          const Value &b) {
  for (const Value *each : {&a, &b})
    if (each->isUndefined())
      return fail(each->reason());
  if (a.isInteger() && b.isInteger())
    return integers(*this, word, a.integer(), b.integer());
  if (a.isNumber() && b.isNumber())
    return floats(*this, word, a.real(), b.real());
  if (word == "+" && a.isString() && b.isString())
    return text(addend(a, b) + addend(b, a)).asSafe(a.isSafe() || b.isSafe());
  if (word == "+" && a.isList() && b.isList() && a.listKind() == b.listKind()) {
    List all = a.list();
    all.insert(all.end(), b.list().begin(), b.list().end());
    return list(std::move(all), a.listKind());
  }
  bool isText = a.isString() || a.isList();
  if (word == "*" && isText && b.isInteger())
    return repeat(*this, a, b.integer());
  if (word == "*" && a.isInteger() && (b.isString() || b.isList()))
    return repeat(*this, b, a.integer());
  if (word == "%" && a.isString())
    return filter("format", a,
                  {b.isList() && b.listKind() == Value::ListKind::Tuple
                       ? b.list()
                       : List{b},
                   {}});
  return fail("unsupported operand type(s) for " + std::string(word) + ": '" +
              a.typeName() + "' and '" + b.typeName() + "'");
}
