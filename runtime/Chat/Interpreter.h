//===- Interpreter.h - Renders the tree of a chat template ------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_INTERPRETER_H
#define RUNTIME_CHAT_INTERPRETER_H

#include "mica/Status.h"
#include "runtime/Chat/ChatTemplate.h"
#include "runtime/Chat/Node.h"

#include <deque>
#include <unordered_map>

namespace mica::chat {

class Interpreter;

struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A call of a filter, test, method or function that is written in C++.
struct Call {
  Interpreter &in;
  Value self; ///< What is filtered or tested, whose method it is.
  Arguments arguments = {};
  List bound = {}; ///< By parameter; undefined where not given.

  const Value &operator[](size_t index) const { return bound[index]; }
  bool given(size_t index) const { return !bound[index].isUndefined(); }
  /// The integer, text or truth of a parameter, if given; fails if it is of
  /// another type.
  int64_t integer(size_t index, int64_t missing);
  std::string text(size_t index, const char *missing);
  bool flag(size_t index, bool missing) const {
    return given(index) ? bound[index].truth() : missing;
  }
};

/// A row of a table of them. `parameters` are names with spaces between; "*":
/// any, not bound.
struct Native {
  const char *name;
  const char *parameters;
  Value (*run)(Call &call);
};

const Native *findFilter(std::string_view name);
const Native *findTest(std::string_view name);
const Native *findGlobal(std::string_view name);
const Native *findMethod(const Value &object, std::string_view name);

struct Scope {
  std::unordered_map<std::string, Value> variables;
  std::shared_ptr<Scope> parent;
};

/// A macro, or something that is written in C++ with its object.
struct Function {
  const Node *macro = nullptr;
  std::shared_ptr<Scope> scope = {};
  const Native *native = nullptr;
  Value self = {};
};

/// What `loop` is.
struct Loop {
  List items;
  size_t index = 0;
  uint32_t depth = 1;
  const Node *node = nullptr; // Of a recursive one.
  std::shared_ptr<Scope> scope = {};
  std::optional<Value> changed = {};
};

class Interpreter {
public:
  Interpreter(const Limits &limits) : limits(limits) {}
  ~Interpreter();

  /// Sets a variable of the template.
  void define(const std::string &name, Value value);
  Expected<std::string> run(const Node &root);

  // For what is written in C++. After a failure values are undefined, and what
  // is under way ends.
  Value fail(const std::string &what);
  bool failed() const { return !error.empty(); }
  /// Counts work; false if there has been too much.
  bool charge(uint64_t steps);
  uint64_t bytesLeft() const { return limits.bytes - bytes; }
  Value text(std::string value);
  Value list(List items, Value::ListKind kind = Value::ListKind::List);
  Value dict(Dict items);
  Value newNamespace(Dict items);
  /// What a loop over `value` sees.
  List items(const Value &value);
  std::string textOf(const Value &value);
  bool equals(const Value &a, const Value &b);
  std::optional<int> compare(const Value &a, const Value &b);
  Value attribute(const Value &object, std::string_view name);
  Value item(const Value &object, const Value &key);
  Value filter(const std::string &name, const Value &input,
               Arguments arguments);
  bool test(const std::string &name, const Value &input, Arguments arguments);
  Value call(const Value &function, Arguments arguments);
  Value binary(std::string_view word, const Value &a, const Value &b);

private:
  enum class Flow : uint8_t { Next, Break, Continue };
  struct Level;
  using ScopePtr = std::shared_ptr<Scope>;

  // Interpreter.cpp
  Flow execute(const Node &node);
  Flow executeBlock(const Node &node);
  Flow executeIf(const Node &node);
  void executeFor(const Node &node);
  void runLoop(const Node &node, List items, uint32_t depth);
  List selected(const Node &node, List items);
  void executeWith(const Node &node);
  void executeSetBlock(const Node &node);
  void executeCallBlock(const Node &node);
  void assign(const Node &target, const Value &value);
  void unpack(const Node &target, const Value &value);
  std::string capture(const Node &body);
  void write(std::string_view text);
  Value makeMacro(const Node &node);
  Value callMacro(const Function &function, Arguments arguments);
  Value callLoop(Loop &loop, const Arguments &arguments);
  void pushScope();
  void popScope() { scope = scope->parent; }

  // Evaluate.cpp
  Value evaluate(const Node &node);
  Value evaluateInner(const Node &node);
  Value lookup(const std::string &name);
  Value evaluateDict(const Node &node);
  Value evaluateSlice(const Value &object, const Node &node);
  Value evaluateUnary(const Node &node);
  Value evaluateBinary(const Node &node);
  Value evaluateCompare(const Node &node);
  bool compareOnce(const std::string &word, const Value &a, const Value &b);
  Value evaluateConcat(const Node &node);
  Value evaluateCall(const Node &node);
  Value evaluateFilter(const Node &node, const Value *input = nullptr);
  Value evaluateTest(const Node &node);
  Arguments evaluateArguments(const Node &node, size_t first);
  bool contains(const Value &container, const Value &value);
  Value runNative(const Native &native, const Value &self, Arguments arguments);

  const Limits &limits;
  uint64_t steps = 0, bytes = 0;
  uint32_t depth = 0, line = 1;
  std::string error;
  ScopePtr scope = std::make_shared<Scope>();
  std::string *out = nullptr;
  // These may hold each other, and go at the end.
  std::deque<Namespace> namespaces;
  std::deque<Loop> loops;
  std::vector<ScopePtr> captured; // By macros.
};

} // namespace mica::chat

#endif // RUNTIME_CHAT_INTERPRETER_H
