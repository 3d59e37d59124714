//===- InterpreterLevel.h - How deep an interpreter is ----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_INTERPRETERLEVEL_H
#define RUNTIME_CHAT_INTERPRETERLEVEL_H

#include "runtime/Chat/Interpreter.h"

namespace mica::chat {

/// Recursion of the interpreter: each level is a node within another or a call.
inline constexpr uint32_t kMaxDepth = 1000;

/// Counts a level and a step while it lives, and keeps the line for messages.
struct Interpreter::Level {
  Level(Interpreter &in, const Node &node) : in(in), line(in.line) {
    in.line = node.line;
    if (++in.depth > kMaxDepth)
      in.fail("template calls itself too deeply, expected less than " +
              std::to_string(kMaxDepth) + " levels");
    in.charge(1);
  }
  ~Level() {
    --in.depth;
    in.line = line;
  }
  Level(const Level &) = delete;
  Level &operator=(const Level &) = delete;

  Interpreter &in;
  uint32_t line;
};

} // namespace mica::chat

#endif // RUNTIME_CHAT_INTERPRETERLEVEL_H
