//===- Natives.cpp - Calls of what is written in C++ ----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Interpreter.h"

using namespace mica;
using namespace mica::chat;

/// Puts the arguments of a call where its parameters are.
static void bind(const Native &native, Call &call) {
  std::vector<std::string_view> names;
  for (std::string_view rest = native.parameters; !rest.empty();) {
    size_t end = std::min(rest.find(' '), rest.size());
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  call.bound.resize(names.size());
  const List &positional = call.arguments.positional;
  if (positional.size() > names.size()) {
    call.in.fail("'" + std::string(native.name) + "' is given " +
                 std::to_string(positional.size()) +
                 " arguments, expected at most " +
                 std::to_string(names.size()));
    return;
  }
  for (size_t i = 0; i < positional.size(); ++i)
    call.bound[i] = positional[i];
  for (const auto &[name, value] : call.arguments.named) {
    size_t i = 0;
    while (i < names.size() && names[i] != name)
      ++i;
    if (i < names.size())
      call.bound[i] = value;
    else
      call.in.fail("'" + std::string(native.name) + "' is given '" + name +
                   "', expected one of its parameters");
  }
}

Value Interpreter::runNative(const Native &native, const Value &self,
                             Arguments arguments) {
  if (!charge(1 + self.weight() / 256))
    return Value();
  Call call{*this, self, std::move(arguments), {}};
  if (std::string_view(native.parameters) != "*")
    bind(native, call);
  return failed() ? Value() : native.run(call);
}

Value Interpreter::filter(const std::string &name, const Value &input,
                          Arguments arguments) {
  const Native *native = findFilter(name);
  if (!native)
    return fail("filter '" + name + "' unknown, expected one of Jinja's");
  return runNative(*native, input, std::move(arguments));
}

bool Interpreter::test(const std::string &name, const Value &input,
                       Arguments arguments) {
  const Native *native = findTest(name);
  if (!native) {
    fail("test '" + name + "' unknown, expected one of Jinja's");
    return false;
  }
  return runNative(*native, input, std::move(arguments)).truth();
}

int64_t Call::integer(size_t index, int64_t missing) {
  if (!given(index) || bound[index].isNone())
    return missing;
  if (bound[index].isInteger())
    return bound[index].integer();
  in.fail("argument is a " + std::string(bound[index].typeName()) +
          ", expected an integer");
  return missing;
}

std::string Call::text(size_t index, const char *missing) {
  if (!given(index))
    return missing;
  if (bound[index].isString())
    return bound[index].string();
  in.fail("argument is a " + std::string(bound[index].typeName()) +
          ", expected a string");
  return missing;
}
