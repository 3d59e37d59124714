//===- Node.h - The syntax tree of a chat template --------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_NODE_H
#define RUNTIME_CHAT_NODE_H

#include "runtime/Chat/Value.h"

namespace mica::chat {

struct Node;
using NodePtr = std::unique_ptr<Node>;

/// A statement or an expression. `nodes` stand in the order named beside each
/// kind; one in brackets may be null. `args` are expressions, among them
/// Keyword and the two spreads, up to the end.
struct Node {
  enum class Kind : uint8_t {
    // Expressions.
    Constant,    // value
    Name,        // text
    List,        // items
    Tuple,       // items
    Dict,        // key, value, key, ...
    Attribute,   // object; text
    Item,        // object, index
    Slice,       // [begin], [end], [step]
    Call,        // callee, args
    Filter,      // [input], args; text
    Test,        // input, args; text
    Unary,       // operand; text: not, -, +
    Binary,      // left, right; text
    Compare,     // operands; words: the operators between them
    Concat,      // operands
    Choice,      // condition, then, [else]
    Keyword,     // value; text
    Spread,      // list
    SpreadNamed, // dictionary
    // Statements.
    Text,        // text
    Output,      // expression
    Block,       // statements
    If,          // condition, block, condition, block, ..., [last block]
    For,         // target, items, [condition], body, [else]; flag: recursive
    Set,         // target, value
    SetBlock,    // target, [filter], body
    Macro,       // body, defaults; text, words: the parameters
    CallBlock,   // Macro, Call
    FilterBlock, // filter, body
    With,        // body, target, value, target, value, ...
    Break,
    Continue
  };
  Kind kind;
  uint32_t line;
  std::string text = {};
  Value value = {};
  std::vector<NodePtr> nodes = {};
  std::vector<std::string> words = {};
  bool flag = false;
  uint32_t depth = 1; // Of the tree below, and this.
};

} // namespace mica::chat

#endif // RUNTIME_CHAT_NODE_H
