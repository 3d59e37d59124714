//===- Interpreter.cpp - Runs the statements of a chat template -----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Interpreter.h"
#include "runtime/Chat/InterpreterLevel.h"
#include "runtime/Chat/Lexer.h"

#include <algorithm>

using namespace mica;
using namespace mica::chat;

Interpreter::~Interpreter() {
  // A macro lies in the scope that it holds.
  for (const ScopePtr &each : captured)
    each->variables.clear();
}

void Interpreter::define(const std::string &name, Value value) {
  scope->variables[name] = std::move(value);
}

Expected<std::string> Interpreter::run(const Node &root) {
  std::string text;
  out = &text;
  // Of a loop's variables there may be some with the same names.
  pushScope();
  execute(root);
  if (failed())
    return Error{error};
  return text;
}

Value Interpreter::fail(const std::string &what) {
  if (error.empty())
    error = atLine(line) + what;
  return Value();
}

bool Interpreter::charge(uint64_t more) {
  steps += more;
  if (steps > limits.steps || more > limits.steps)
    fail("template takes more than " + std::to_string(limits.steps) +
         " steps, expected fewer");
  return !failed();
}

void Interpreter::pushScope() {
  scope = std::make_shared<Scope>(Scope{{}, scope});
}

void Interpreter::write(std::string_view text) {
  if (text.size() > bytesLeft()) {
    fail("template makes more than " + std::to_string(limits.bytes) +
         " bytes, expected fewer");
    return;
  }
  bytes += text.size();
  out->append(text);
}

/// What `body` writes, in a scope of its own.
std::string Interpreter::capture(const Node &body) {
  std::string text, *before = out;
  out = &text;
  pushScope();
  execute(body);
  popScope();
  out = before;
  return text;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

Interpreter::Flow Interpreter::execute(const Node &node) {
  Level level(*this, node);
  if (failed())
    return Flow::Break;
  switch (node.kind) {
  case Node::Kind::Text:
    write(node.text);
    return Flow::Next;
  case Node::Kind::Output:
    write(textOf(evaluate(*node.nodes[0])));
    return Flow::Next;
  case Node::Kind::Block:
    return executeBlock(node);
  case Node::Kind::If:
    return executeIf(node);
  case Node::Kind::For:
    executeFor(node);
    return Flow::Next;
  case Node::Kind::Set:
    assign(*node.nodes[0], evaluate(*node.nodes[1]));
    return Flow::Next;
  case Node::Kind::SetBlock:
    executeSetBlock(node);
    return Flow::Next;
  case Node::Kind::Macro:
    scope->variables[node.text] = makeMacro(node);
    return Flow::Next;
  case Node::Kind::CallBlock:
    executeCallBlock(node);
    return Flow::Next;
  case Node::Kind::FilterBlock: {
    Value text = this->text(capture(*node.nodes[1]));
    write(textOf(evaluateFilter(*node.nodes[0], &text)));
    return Flow::Next;
  }
  case Node::Kind::With:
    executeWith(node);
    return Flow::Next;
  case Node::Kind::Break:
    return Flow::Break;
  default:
    return Flow::Continue;
  }
}

Interpreter::Flow Interpreter::executeBlock(const Node &node) {
  for (const NodePtr &statement : node.nodes) {
    Flow flow = execute(*statement);
    if (flow != Flow::Next || failed())
      return flow;
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::executeIf(const Node &node) {
  size_t i = 0;
  for (; i + 1 < node.nodes.size(); i += 2)
    if (evaluate(*node.nodes[i]).truth())
      return execute(*node.nodes[i + 1]);
  return i < node.nodes.size() ? execute(*node.nodes[i]) : Flow::Next;
}

void Interpreter::executeFor(const Node &node) {
  runLoop(node, items(evaluate(*node.nodes[1])), 1);
}

/// The items for which a loop's condition holds.
List Interpreter::selected(const Node &node, List items) {
  if (!node.nodes[2])
    return items;
  List result;
  for (const Value &item : items) {
    pushScope();
    assign(*node.nodes[0], item);
    bool keep = evaluate(*node.nodes[2]).truth();
    popScope();
    if (failed())
      break;
    if (keep)
      result.push_back(item);
  }
  return result;
}

void Interpreter::runLoop(const Node &node, List items, uint32_t loopDepth) {
  items = selected(node, std::move(items));
  if (!charge(4 + items.size()))
    return;
  loops.push_back(
      {std::move(items), 0, loopDepth, node.flag ? &node : nullptr, scope});
  Loop &loop = loops.back();
  if (loop.items.empty() && node.nodes[4]) {
    pushScope();
    execute(*node.nodes[4]);
    popScope();
  }
  for (; loop.index < loop.items.size() && !failed(); ++loop.index) {
    pushScope();
    scope->variables["loop"] = Value(&loop);
    assign(*node.nodes[0], loop.items[loop.index]);
    Flow flow = execute(*node.nodes[3]);
    popScope();
    if (flow == Flow::Break)
      break;
  }
  // What is left of it is only what someone may still ask.
  loop.scope.reset();
  loop.items.clear();
}

void Interpreter::executeWith(const Node &node) {
  // Values do not see the names that are set beside them.
  List values;
  for (size_t i = 1; i < node.nodes.size(); i += 2)
    values.push_back(evaluate(*node.nodes[i + 1]));
  pushScope();
  for (size_t i = 0; i < values.size(); ++i)
    assign(*node.nodes[2 * i + 1], values[i]);
  execute(*node.nodes[0]);
  popScope();
}

void Interpreter::executeSetBlock(const Node &node) {
  Value value = text(capture(*node.nodes[2]));
  if (node.nodes[1])
    value = evaluateFilter(*node.nodes[1], &value);
  assign(*node.nodes[0], value);
}

void Interpreter::executeCallBlock(const Node &node) {
  const Node &call = *node.nodes[1];
  Value callee = evaluate(*call.nodes[0]);
  Arguments arguments = evaluateArguments(call, 1);
  arguments.named.emplace_back("caller", makeMacro(*node.nodes[0]));
  if (!failed())
    write(textOf(this->call(callee, std::move(arguments))));
}

//===----------------------------------------------------------------------===//
// Assignment
//===----------------------------------------------------------------------===//

void Interpreter::assign(const Node &target, const Value &value) {
  if (failed())
    return;
  if (target.kind == Node::Kind::Name) {
    scope->variables[target.text] = value;
  } else if (target.kind == Node::Kind::Tuple) {
    unpack(target, value);
  } else {
    Value space = lookup(target.nodes[0]->text);
    if (!space.is(Value::Kind::Namespace)) {
      fail("attribute of a " + std::string(space.typeName()) +
           " is set, expected a namespace's");
      return;
    }
    for (auto &[name, old] : space.space()->attributes)
      if (name == target.text) {
        old = value;
        return;
      }
    charge(1 + space.space()->attributes.size());
    space.space()->attributes.emplace_back(target.text, value);
  }
}

void Interpreter::unpack(const Node &target, const Value &value) {
  List values = items(value);
  if (failed())
    return;
  if (values.size() != target.nodes.size()) {
    fail(std::to_string(values.size()) + " values to unpack, expected " +
         std::to_string(target.nodes.size()));
    return;
  }
  for (size_t i = 0; i < values.size(); ++i)
    assign(*target.nodes[i], values[i]);
}

//===----------------------------------------------------------------------===//
// Macros and recursive loops
//===----------------------------------------------------------------------===//

Value Interpreter::makeMacro(const Node &node) {
  charge(8);
  captured.push_back(scope);
  return Value(std::make_shared<const Function>(Function{&node, scope}));
}

/// Runs a macro in a scope below the one where it was made.
Value Interpreter::callMacro(const Function &function, Arguments arguments) {
  const Node &node = *function.macro;
  const auto &names = node.words;
  size_t first = names.size() - (node.nodes.size() - 1); // With a default.
  ScopePtr before = scope;
  scope = function.scope;
  pushScope();
  List more;
  for (size_t i = 0; i < arguments.positional.size(); ++i)
    if (i < names.size())
      scope->variables[names[i]] = arguments.positional[i];
    else
      more.push_back(arguments.positional[i]);
  Dict named;
  for (auto &[name, value] : arguments.named)
    if (name == "caller" ||
        std::find(names.begin(), names.end(), name) != names.end())
      scope->variables[name] = value;
    else
      named.emplace_back(Value(name), value);
  for (size_t i = 0; i < names.size(); ++i)
    if (!scope->variables.count(names[i]))
      scope->variables[names[i]] =
          i < first ? Value::undefined("parameter '" + names[i] +
                                       "' was not provided")
                    : evaluate(*node.nodes[i - first + 1]);
  scope->variables["varargs"] = list(std::move(more), Value::ListKind::Tuple);
  scope->variables["kwargs"] = dict(std::move(named));
  std::string result = capture(*node.nodes[0]);
  scope = before;
  return text(std::move(result));
}

Value Interpreter::callLoop(Loop &loop, const Arguments &arguments) {
  if (!loop.node || !loop.scope || arguments.positional.size() != 1)
    return fail("loop is called, expected a recursive one with one argument");
  List inner = items(arguments.positional[0]);
  std::string text, *before = out;
  ScopePtr here = scope;
  out = &text;
  scope = loop.scope;
  runLoop(*loop.node, std::move(inner), loop.depth + 1);
  scope = here;
  out = before;
  return this->text(std::move(text));
}

Value Interpreter::call(const Value &function, Arguments arguments) {
  if (failed())
    return Value();
  if (function.is(Value::Kind::Loop))
    return callLoop(*function.loop(), arguments);
  if (function.isUndefined())
    return fail(function.reason());
  if (!function.is(Value::Kind::Function))
    return fail("'" + std::string(function.typeName()) +
                "' object is called, expected a function");
  // The call may drop the last other holder.
  const std::shared_ptr<const Function> holder = function.sharedFunction();
  const Function &called = *holder;
  return called.macro
             ? callMacro(called, std::move(arguments))
             : runNative(*called.native, called.self, std::move(arguments));
}
