//===- Parser.h - The syntax tree of a chat template ------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_PARSER_H
#define RUNTIME_CHAT_PARSER_H

#include "mica/Status.h"
#include "runtime/Chat/Lexer.h"
#include "runtime/Chat/Node.h"

#include <algorithm>
#include <initializer_list>

namespace mica::chat {

/// The depth of the tree, and of the parser's recursion through the levels of
/// the grammar.
inline constexpr uint32_t kMaxTreeDepth = 250;
inline constexpr uint32_t kMaxLevels = 1500;

/// Reads Jinja's grammar. After the first error every method returns a node
/// without meaning, and the input is at its end.
class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  /// The whole template, a Block.
  Expected<NodePtr> run();

private:
  using Kind = Node::Kind;
  using Words = std::initializer_list<std::string_view>;

  /// Counts a level of recursion while it lives.
  struct Level {
    explicit Level(Parser &parser) : parser(parser) {
      if (++parser.depth > kMaxLevels)
        parser.fail("template nests too deeply, expected less");
    }
    ~Level() { --parser.depth; }
    Level(const Level &) = delete;
    Level &operator=(const Level &) = delete;
    Parser &parser;
  };

  const Token &current() const { return tokens[place]; }
  const Token &ahead() const {
    return tokens[std::min(place + 1, tokens.size() - 1)];
  }
  Token take();
  bool isName(std::string_view text) const;
  bool isOperator(std::string_view text) const;
  bool isAnyOf(Token::Kind kind, Words words) const;
  bool skipName(std::string_view text);
  bool skipOperator(std::string_view text);
  void expectOperator(std::string_view text);
  void expectName(std::string_view text);
  std::string takeName();
  void fail(const std::string &what, uint32_t line = 0);
  void unexpected(const std::string &wanted);
  NodePtr make(Kind kind) const;
  NodePtr wrap(Kind kind, NodePtr first, std::string text = "");
  void adopt(Node &parent, NodePtr child, size_t index = SIZE_MAX);

  // Parser.cpp
  NodePtr block(Words ends);
  NodePtr body(Words ends);
  void statement(Node &out);
  NodePtr ifStatement();
  NodePtr forStatement();
  NodePtr setStatement();
  NodePtr macro();
  void parameters(Node &macro);
  NodePtr callBlock();
  NodePtr filterBlock();
  NodePtr with();
  NodePtr target(bool attributes);

  // ParseExpression.cpp
  NodePtr expression(bool choice = true);
  NodePtr tuple(bool choice, bool parentheses);
  NodePtr disjunction();
  NodePtr conjunction();
  NodePtr negation();
  NodePtr comparison();
  NodePtr sum();
  NodePtr concat();
  NodePtr product();
  NodePtr power();
  NodePtr unary(bool filters = true);
  NodePtr primary();
  NodePtr literal(const Token &token);
  NodePtr listLiteral();
  NodePtr dictLiteral();
  NodePtr postfix(NodePtr node);
  NodePtr filtersAndTests(NodePtr node);
  NodePtr filters(NodePtr node);
  NodePtr test(NodePtr node);
  NodePtr subscript(NodePtr node);
  NodePtr subscripted();
  void arguments(Node &call);

  std::vector<Token> tokens;
  size_t place = 0;
  uint32_t depth = 0;
  std::string error;
};

} // namespace mica::chat

#endif // RUNTIME_CHAT_PARSER_H
