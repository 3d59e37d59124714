//===- ParseExpression.cpp - The expressions of a chat template -----------===//
//
// One method for each level of Jinja's grammar, loosest first.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Parser.h"

#include <charconv>

using namespace mica;
using namespace mica::chat;

NodePtr Parser::expression(bool choice) {
  Level level(*this);
  NodePtr node = disjunction();
  while (choice && skipName("if")) {
    NodePtr condition = disjunction();
    NodePtr whole = wrap(Kind::Choice, std::move(condition));
    adopt(*whole, std::move(node));
    adopt(*whole, skipName("else") ? expression() : nullptr);
    node = std::move(whole);
  }
  return node;
}

/// Expressions with commas, or the only one.
NodePtr Parser::tuple(bool choice, bool parentheses) {
  NodePtr list = make(Kind::Tuple);
  bool comma = false;
  auto ended = [&] {
    return current().kind == Token::Kind::BlockEnd ||
           current().kind == Token::Kind::OutputEnd || isOperator(")");
  };
  while (!ended()) {
    adopt(*list, expression(choice));
    if (!skipOperator(","))
      break;
    comma = true;
  }
  if (list->nodes.empty() && !parentheses)
    unexpected("an expression");
  return comma || list->nodes.empty() ? std::move(list)
                                      : std::move(list->nodes[0]);
}

NodePtr Parser::disjunction() {
  Level level(*this);
  NodePtr node = conjunction();
  while (skipName("or")) {
    node = wrap(Kind::Binary, std::move(node), "or");
    adopt(*node, conjunction());
  }
  return node;
}

NodePtr Parser::conjunction() {
  Level level(*this);
  NodePtr node = negation();
  while (skipName("and")) {
    node = wrap(Kind::Binary, std::move(node), "and");
    adopt(*node, negation());
  }
  return node;
}

NodePtr Parser::negation() {
  if (!isName("not"))
    return comparison();
  Level level(*this);
  ++place;
  return wrap(Kind::Unary, negation(), "not");
}

NodePtr Parser::comparison() {
  NodePtr first = sum();
  NodePtr node = nullptr;
  while (true) {
    std::string word = current().text;
    bool negated = isName("not") && ahead().kind == Token::Kind::Name &&
                   ahead().text == "in";
    if (negated)
      word = "not in";
    else if (!isAnyOf(Token::Kind::Operator,
                      {"==", "!=", "<", "<=", ">", ">="}) &&
             !isName("in"))
      return node ? std::move(node) : std::move(first);
    place += negated ? 2 : 1;
    if (!node)
      node = wrap(Kind::Compare, std::move(first));
    node->words.push_back(word);
    adopt(*node, sum());
  }
}

NodePtr Parser::sum() {
  Level level(*this);
  NodePtr node = concat();
  while (isAnyOf(Token::Kind::Operator, {"+", "-"})) {
    node = wrap(Kind::Binary, std::move(node), take().text);
    adopt(*node, concat());
  }
  return node;
}

NodePtr Parser::concat() {
  NodePtr node = product();
  if (!isOperator("~"))
    return node;
  node = wrap(Kind::Concat, std::move(node));
  while (skipOperator("~"))
    adopt(*node, product());
  return node;
}

NodePtr Parser::product() {
  Level level(*this);
  NodePtr node = power();
  while (isAnyOf(Token::Kind::Operator, {"*", "/", "//", "%"})) {
    node = wrap(Kind::Binary, std::move(node), take().text);
    adopt(*node, power());
  }
  return node;
}

NodePtr Parser::power() {
  Level level(*this);
  NodePtr node = unary();
  while (isOperator("**")) {
    node = wrap(Kind::Binary, std::move(node), take().text);
    adopt(*node, unary());
  }
  return node;
}

NodePtr Parser::unary(bool filters) {
  Level level(*this);
  NodePtr node;
  if (isAnyOf(Token::Kind::Operator, {"-", "+"})) {
    std::string sign = take().text;
    node = wrap(Kind::Unary, unary(false), sign);
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return filters ? filtersAndTests(std::move(node)) : std::move(node);
}

//===----------------------------------------------------------------------===//
// Primaries
//===----------------------------------------------------------------------===//

NodePtr Parser::primary() {
  if (skipOperator("(")) {
    NodePtr node = tuple(true, true);
    expectOperator(")");
    return node;
  }
  if (isOperator("["))
    return listLiteral();
  if (isOperator("{"))
    return dictLiteral();
  if (current().kind < Token::Kind::Name ||
      current().kind > Token::Kind::Float) {
    unexpected("an expression");
    return make(Kind::Constant);
  }
  return literal(take());
}

NodePtr Parser::literal(const Token &token) {
  NodePtr node = make(Kind::Constant);
  node->line = token.line;
  const std::string &text = token.text;
  const char *end = text.data() + text.size();
  if (token.kind == Token::Kind::String) {
    std::string whole = text;
    while (current().kind == Token::Kind::String)
      whole += take().text;
    node->value = Value(std::move(whole));
  } else if (token.kind == Token::Kind::Float) {
    double number = 0;
    std::from_chars(text.data(), end, number);
    node->value = Value(number);
  } else if (token.kind == Token::Kind::Integer) {
    int base = text.size() < 2 || text[0] != '0'  ? 10
               : text[1] == 'x' || text[1] == 'X' ? 16
               : text[1] == 'o' || text[1] == 'O' ? 8
               : text[1] == 'b' || text[1] == 'B' ? 2
                                                  : 10;
    int64_t number = 0;
    auto read =
        std::from_chars(text.data() + (base == 10 ? 0 : 2), end, number, base);
    if (read.ec != std::errc() || read.ptr != end)
      fail("number " + text.substr(0, 40) + ", expected one of 64 bits",
           token.line);
    node->value = Value(number);
  } else if (text == "true" || text == "True" || text == "false" ||
             text == "False") {
    node->value = Value(text[0] == 't' || text[0] == 'T');
  } else if (text == "none" || text == "None") {
    node->value = Value::none();
  } else {
    node->kind = Kind::Name;
    node->text = text;
  }
  return node;
}

NodePtr Parser::listLiteral() {
  NodePtr node = make(Kind::List);
  expectOperator("[");
  while (!isOperator("]") && error.empty()) {
    adopt(*node, expression());
    if (!skipOperator(","))
      break;
  }
  expectOperator("]");
  return node;
}

NodePtr Parser::dictLiteral() {
  NodePtr node = make(Kind::Dict);
  expectOperator("{");
  while (!isOperator("}") && error.empty()) {
    adopt(*node, expression());
    expectOperator(":");
    adopt(*node, expression());
    if (!skipOperator(","))
      break;
  }
  expectOperator("}");
  return node;
}

//===----------------------------------------------------------------------===//
// What follows a primary
//===----------------------------------------------------------------------===//

NodePtr Parser::postfix(NodePtr node) {
  Level level(*this);
  while (true) {
    if (isOperator(".") || isOperator("[")) {
      node = subscript(std::move(node));
    } else if (isOperator("(")) {
      node = wrap(Kind::Call, std::move(node));
      arguments(*node);
    } else {
      return node;
    }
  }
}

NodePtr Parser::filtersAndTests(NodePtr node) {
  Level level(*this);
  while (true) {
    if (isOperator("|")) {
      node = filters(std::move(node));
    } else if (isName("is")) {
      node = test(std::move(node));
    } else if (isOperator("(")) {
      node = wrap(Kind::Call, std::move(node));
      arguments(*node);
    } else {
      return node;
    }
  }
}

NodePtr Parser::filters(NodePtr node) {
  Level level(*this);
  while (skipOperator("|")) {
    uint32_t line = current().line;
    std::string name = takeName();
    node = wrap(Kind::Filter, std::move(node), std::move(name));
    node->line = line;
    if (isOperator("("))
      arguments(*node);
  }
  return node;
}

NodePtr Parser::test(NodePtr node) {
  ++place;
  bool negated = skipName("not");
  node = wrap(Kind::Test, std::move(node), takeName());
  if (isOperator("(")) {
    arguments(*node);
  } else if ((current().kind >= Token::Kind::Name &&
              current().kind <= Token::Kind::Float &&
              !isAnyOf(Token::Kind::Name, {"else", "or", "and"})) ||
             isAnyOf(Token::Kind::Operator, {"(", "[", "{"})) {
    if (isName("is"))
      unexpected("no second test");
    adopt(*node, postfix(primary()));
  }
  return negated ? wrap(Kind::Unary, std::move(node), "not") : std::move(node);
}

NodePtr Parser::subscript(NodePtr node) {
  if (skipOperator(".")) {
    if (current().kind == Token::Kind::Name)
      return wrap(Kind::Attribute, std::move(node), take().text);
    node = wrap(Kind::Item, std::move(node));
    if (current().kind == Token::Kind::Integer)
      adopt(*node, literal(take()));
    else
      unexpected("a name or a number");
    return node;
  }
  ++place;
  node = wrap(Kind::Item, std::move(node));
  adopt(*node, subscripted());
  if (isOperator(","))
    unexpected("one index");
  expectOperator("]");
  return node;
}

/// An index, or a slice.
NodePtr Parser::subscripted() {
  NodePtr parts[3];
  int part = 0;
  bool slice = false;
  while (!isOperator("]") && error.empty()) {
    if (!isOperator(":"))
      parts[part] = expression();
    if (part == 2 || !isOperator(":"))
      break;
    ++place, ++part;
    slice = true;
  }
  if (!slice)
    return parts[0] ? std::move(parts[0]) : make(Kind::Constant);
  NodePtr node = make(Kind::Slice);
  for (NodePtr &each : parts)
    adopt(*node, std::move(each));
  return node;
}

/// Arguments in parentheses, positional ones first.
void Parser::arguments(Node &call) {
  bool named = false;
  expectOperator("(");
  while (!isOperator(")") && error.empty()) {
    if (skipOperator("**")) {
      adopt(call, wrap(Kind::SpreadNamed, expression()));
      named = true;
    } else if (skipOperator("*")) {
      adopt(call, wrap(Kind::Spread, expression()));
    } else if (current().kind == Token::Kind::Name &&
               ahead().kind == Token::Kind::Operator && ahead().text == "=") {
      std::string name = take().text;
      ++place;
      adopt(call, wrap(Kind::Keyword, expression(), name));
      named = true;
    } else if (named) {
      fail("argument without a name behind one with, expected those first");
    } else {
      adopt(call, expression());
    }
    if (!skipOperator(","))
      break;
  }
  expectOperator(")");
}
