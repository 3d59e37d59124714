//===- Evaluate.cpp - The expressions of a chat template ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Interpreter.h"
#include "runtime/Chat/InterpreterLevel.h"
#include "runtime/Chat/Text.h"

#include <algorithm>

using namespace mica;
using namespace mica::chat;

Value Interpreter::evaluate(const Node &node) {
  Level level(*this, node);
  return failed() ? Value() : evaluateInner(node);
}

Value Interpreter::evaluateInner(const Node &node) {
  switch (node.kind) {
  case Node::Kind::Constant:
    return node.value;
  case Node::Kind::Name:
    return lookup(node.text);
  case Node::Kind::List:
  case Node::Kind::Tuple: {
    List values;
    for (const NodePtr &each : node.nodes)
      values.push_back(evaluate(*each));
    return list(std::move(values), node.kind == Node::Kind::Tuple
                                       ? Value::ListKind::Tuple
                                       : Value::ListKind::List);
  }
  case Node::Kind::Dict:
    return evaluateDict(node);
  case Node::Kind::Attribute:
    return attribute(evaluate(*node.nodes[0]), node.text);
  case Node::Kind::Item: {
    Value object = evaluate(*node.nodes[0]);
    if (node.nodes[1]->kind == Node::Kind::Slice)
      return evaluateSlice(object, *node.nodes[1]);
    return item(object, evaluate(*node.nodes[1]));
  }
  case Node::Kind::Call:
    return evaluateCall(node);
  case Node::Kind::Filter:
    return evaluateFilter(node);
  case Node::Kind::Test:
    return evaluateTest(node);
  case Node::Kind::Unary:
    return evaluateUnary(node);
  case Node::Kind::Binary:
    return evaluateBinary(node);
  case Node::Kind::Compare:
    return evaluateCompare(node);
  case Node::Kind::Concat:
    return evaluateConcat(node);
  default: // Choice.
    if (evaluate(*node.nodes[0]).truth())
      return evaluate(*node.nodes[1]);
    return node.nodes[2]
               ? evaluate(*node.nodes[2])
               : Value::undefined("the inline if-expression evaluated "
                                  "to false and no else section was "
                                  "defined");
  }
}

Value Interpreter::lookup(const std::string &name) {
  for (const Scope *each = scope.get(); each; each = each->parent.get())
    if (auto it = each->variables.find(name); it != each->variables.end())
      return it->second;
  if (const Native *native = findGlobal(name))
    return Value(std::make_shared<const Function>(
        Function{nullptr, nullptr, native, Value()}));
  return Value::undefined("'" + name + "' is undefined");
}

Value Interpreter::evaluateDict(const Node &node) {
  Dict pairs;
  for (size_t i = 0; i < node.nodes.size() && !failed(); i += 2) {
    Value key = evaluate(*node.nodes[i]), value = evaluate(*node.nodes[i + 1]);
    if (!charge(1 + pairs.size() / 8))
      break;
    auto same = std::find_if(pairs.begin(), pairs.end(), [&](const auto &pair) {
      return equal(pair.first, key);
    });
    if (same != pairs.end())
      same->second = std::move(value);
    else
      pairs.emplace_back(std::move(key), std::move(value));
  }
  return dict(std::move(pairs));
}

Value Interpreter::evaluateSlice(const Value &object, const Node &node) {
  int64_t bounds[3] = {0, 0, 1};
  bool given[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    Value value = node.nodes[i] ? evaluate(*node.nodes[i]) : Value::none();
    if (failed() || value.isNone())
      continue;
    if (!value.isInteger())
      return fail("slice by a " + std::string(value.typeName()) +
                  ", expected an integer");
    given[i] = true;
    bounds[i] = value.integer();
  }
  if (object.isUndefined())
    return fail(object.reason());
  if (!object.isList() && !object.isString())
    return Value::undefined("a " + std::string(object.typeName()) +
                            " has no slices");
  int64_t step = std::clamp<int64_t>(bounds[2], -INT32_MAX, INT32_MAX);
  if (step == 0)
    return fail("slice step is 0, expected another number");
  List values = items(object);
  int64_t size = int64_t(values.size());
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  auto place = [&](int i, int64_t missing) {
    if (!given[i])
      return missing;
    int64_t index = bounds[i] < 0 ? bounds[i] + size : bounds[i];
    return std::clamp(index, low, high);
  };
  int64_t begin = place(0, step > 0 ? low : high);
  int64_t end = place(1, step > 0 ? high : low);
  List part;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step)
    part.push_back(values[size_t(i)]);
  if (object.isList())
    return list(std::move(part), object.listKind());
  std::string joined;
  for (const Value &each : part)
    joined += each.string();
  return text(std::move(joined));
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

Value Interpreter::evaluateUnary(const Node &node) {
  Value value = evaluate(*node.nodes[0]);
  if (node.text == "not")
    return Value(!value.truth());
  if (value.isUndefined())
    return fail(value.reason());
  if (value.is(Value::Kind::Float))
    return Value(node.text == "-" ? -value.real() : value.real());
  if (!value.isInteger())
    return fail("bad operand type for unary " + node.text + ": '" +
                value.typeName() + "'");
  return node.text == "-" ? binary("-", Value(int64_t(0)), value)
                          : Value(value.integer());
}

Value Interpreter::evaluateBinary(const Node &node) {
  Value left = evaluate(*node.nodes[0]);
  if (node.text == "and")
    return left.truth() ? evaluate(*node.nodes[1]) : left;
  if (node.text == "or")
    return left.truth() ? left : evaluate(*node.nodes[1]);
  Value right = evaluate(*node.nodes[1]);
  return failed() ? Value() : binary(node.text, left, right);
}

Value Interpreter::evaluateCompare(const Node &node) {
  Value left = evaluate(*node.nodes[0]);
  for (size_t i = 0; i < node.words.size() && !failed(); ++i) {
    Value right = evaluate(*node.nodes[i + 1]);
    if (failed() || !compareOnce(node.words[i], left, right))
      return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

bool Interpreter::compareOnce(const std::string &word, const Value &a,
                              const Value &b) {
  if (word == "==" || word == "!=")
    return equals(a, b) == (word == "==");
  if (word == "in" || word == "not in")
    return contains(b, a) == (word == "in");
  for (const Value *each : {&a, &b})
    if (each->isUndefined()) {
      fail(each->reason());
      return false;
    }
  auto sign = compare(a, b);
  if (!sign) {
    fail("'" + word + "' not supported between instances of '" + a.typeName() +
         "' and '" + b.typeName() + "'");
    return false;
  }
  return word == "<"    ? *sign < 0
         : word == "<=" ? *sign <= 0
         : word == ">"  ? *sign > 0
                        : *sign >= 0;
}

bool Interpreter::contains(const Value &container, const Value &value) {
  if (!charge(1 + container.weight() / 64))
    return false;
  if (container.isString()) {
    if (value.isString())
      return container.string().find(value.string()) != std::string::npos;
    fail("'in <string>' requires string as left operand, not " +
         std::string(value.typeName()));
    return false;
  }
  if (container.isDict())
    return container.find(value) != nullptr;
  for (const Value &item : items(container))
    if (equals(item, value))
      return true;
  return false;
}

Value Interpreter::evaluateConcat(const Node &node) {
  std::string joined;
  for (const NodePtr &each : node.nodes)
    joined += textOf(evaluate(*each));
  return text(std::move(joined));
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

Arguments Interpreter::evaluateArguments(const Node &node, size_t first) {
  Arguments result;
  for (size_t i = first; i < node.nodes.size() && !failed(); ++i) {
    const Node &each = *node.nodes[i];
    if (each.kind == Node::Kind::Keyword) {
      result.named.emplace_back(each.text, evaluate(*each.nodes[0]));
    } else if (each.kind == Node::Kind::Spread) {
      for (Value &value : items(evaluate(*each.nodes[0])))
        result.positional.push_back(std::move(value));
    } else if (each.kind == Node::Kind::SpreadNamed) {
      Value values = evaluate(*each.nodes[0]);
      if (!values.isDict())
        fail("argument after ** is a " + std::string(values.typeName()) +
             ", expected a dictionary");
      else
        for (const auto &[key, value] : values.dict())
          result.named.emplace_back(textOf(key), value);
    } else {
      result.positional.push_back(evaluate(each));
    }
  }
  return result;
}

Value Interpreter::evaluateCall(const Node &node) {
  Value callee = evaluate(*node.nodes[0]);
  Arguments arguments = evaluateArguments(node, 1);
  return call(callee, std::move(arguments));
}

/// Of a filter block, `input` is what the first filter takes.
Value Interpreter::evaluateFilter(const Node &node, const Value *input) {
  Level level(*this, node);
  const NodePtr &inner = node.nodes[0];
  Value value = !inner ? *input
                : input && inner->kind == node.kind
                    ? evaluateFilter(*inner, input)
                    : evaluate(*inner);
  Arguments arguments = evaluateArguments(node, 1);
  return failed() ? Value() : filter(node.text, value, std::move(arguments));
}

Value Interpreter::evaluateTest(const Node &node) {
  Value value = evaluate(*node.nodes[0]);
  Arguments arguments = evaluateArguments(node, 1);
  return Value(!failed() && test(node.text, value, std::move(arguments)));
}
