//===- Parser.cpp - The statements of a chat template ---------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Parser.h"

#include <algorithm>

using namespace mica;
using namespace mica::chat;

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

Token Parser::take() {
  Token token = current();
  if (token.kind != Token::Kind::End)
    ++place;
  return token;
}

bool Parser::isName(std::string_view text) const {
  return current().kind == Token::Kind::Name && current().text == text;
}

bool Parser::isOperator(std::string_view text) const {
  return current().kind == Token::Kind::Operator && current().text == text;
}

bool Parser::isAnyOf(Token::Kind kind, Words words) const {
  return current().kind == kind &&
         std::find(words.begin(), words.end(), current().text) != words.end();
}

bool Parser::skipName(std::string_view text) {
  bool found = isName(text);
  place += found;
  return found;
}

bool Parser::skipOperator(std::string_view text) {
  bool found = isOperator(text);
  place += found;
  return found;
}

void Parser::fail(const std::string &what, uint32_t line) {
  if (error.empty())
    error = atLine(line ? line : current().line) + what;
  place = tokens.size() - 1;
}

void Parser::unexpected(const std::string &wanted) {
  static const char *const names[] = {"text", "a tag's begin", "a tag's end",
                                      "an output's begin", "an output's end"};
  const Token &token = current();
  std::string found = token.kind == Token::Kind::End ? "the end of the template"
                      : token.kind <= Token::Kind::OutputEnd
                          ? names[size_t(token.kind)]
                          : "'" + token.text.substr(0, 40) + "'";
  fail(found + ", expected " + wanted);
}

void Parser::expectOperator(std::string_view text) {
  if (!skipOperator(text))
    unexpected("'" + std::string(text) + "'");
}

void Parser::expectName(std::string_view text) {
  if (!skipName(text))
    unexpected("'" + std::string(text) + "'");
}

std::string Parser::takeName() {
  if (current().kind == Token::Kind::Name)
    return take().text;
  unexpected("a name");
  return "";
}

NodePtr Parser::make(Kind kind) const {
  return std::make_unique<Node>(Node{kind, current().line});
}

/// Makes `child` the last of `parent`'s nodes, or the one at `index`.
void Parser::adopt(Node &parent, NodePtr child, size_t index) {
  if (child)
    parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > kMaxTreeDepth)
    fail("template nests deeper than " + std::to_string(kMaxTreeDepth) +
         ", expected less");
  if (index < parent.nodes.size())
    parent.nodes[index] = std::move(child);
  else
    parent.nodes.push_back(std::move(child));
}

NodePtr Parser::wrap(Kind kind, NodePtr first, std::string text) {
  auto node = std::make_unique<Node>(
      Node{kind, first ? first->line : current().line, std::move(text)});
  adopt(*node, std::move(first));
  return node;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

Expected<NodePtr> Parser::run() {
  NodePtr root = block({});
  if (error.empty() && current().kind != Token::Kind::End)
    unexpected("the end of the template");
  if (!error.empty())
    return Error{error};
  return root;
}

/// Statements up to a tag that begins with one of `ends`, whose name is next.
NodePtr Parser::block(Words ends) {
  Level level(*this);
  NodePtr out = make(Kind::Block);
  while (current().kind != Token::Kind::End) {
    Token token = take();
    if (token.kind == Token::Kind::Text) {
      adopt(*out, make(Kind::Text));
      out->nodes.back()->text = std::move(token.text);
    } else if (token.kind == Token::Kind::OutputBegin) {
      adopt(*out, wrap(Kind::Output, tuple(true, false)));
      if (current().kind == Token::Kind::OutputEnd)
        ++place;
      else
        unexpected("'}}'");
    } else {
      if (isAnyOf(Token::Kind::Name, ends))
        return out;
      statement(*out);
      if (current().kind == Token::Kind::BlockEnd)
        ++place;
      else
        unexpected("'%}'");
    }
  }
  if (ends.size())
    unexpected("'" + std::string(*(ends.end() - 1)) + "'");
  return out;
}

/// The end of the tag at hand and what follows, up to one of `ends`.
NodePtr Parser::body(Words ends) {
  skipOperator(":");
  if (current().kind == Token::Kind::BlockEnd)
    ++place;
  else
    unexpected("'%}'");
  return block(ends);
}

void Parser::statement(Node &out) {
  NodePtr node;
  if (skipName("if"))
    node = ifStatement();
  else if (skipName("for"))
    node = forStatement();
  else if (skipName("set"))
    node = setStatement();
  else if (skipName("macro"))
    node = macro();
  else if (skipName("call"))
    node = callBlock();
  else if (skipName("filter"))
    node = filterBlock();
  else if (skipName("with"))
    node = with();
  else if (isName("break") || isName("continue"))
    node = make(take().text == "break" ? Kind::Break : Kind::Continue);
  else if (skipName("generation"))
    node = body({"endgeneration"}), expectName("endgeneration");
  else if (current().kind == Token::Kind::Name)
    fail("tag '" + current().text.substr(0, 40) +
         "' unknown, expected one of if, for, set, macro, call, filter, with, "
         "generation, raw, break, continue");
  else
    unexpected("the name of a tag");
  if (node)
    adopt(out, std::move(node));
}

NodePtr Parser::ifStatement() {
  NodePtr node = make(Kind::If);
  do {
    adopt(*node, tuple(false, false));
    adopt(*node, body({"elif", "else", "endif"}));
  } while (skipName("elif"));
  if (skipName("else"))
    adopt(*node, body({"endif"}));
  expectName("endif");
  return node;
}

NodePtr Parser::forStatement() {
  NodePtr node = make(Kind::For);
  adopt(*node, target(false));
  expectName("in");
  adopt(*node, tuple(false, false));
  adopt(*node, skipName("if") ? expression() : nullptr);
  node->flag = skipName("recursive");
  adopt(*node, body({"else", "endfor"}));
  adopt(*node, skipName("else") ? body({"endfor"}) : nullptr);
  expectName("endfor");
  return node;
}

/// What is assigned to: a name, names with commas, or a namespace's attribute.
NodePtr Parser::target(bool attributes) {
  Level level(*this);
  NodePtr list = make(Kind::Tuple);
  bool comma = false;
  do {
    if (isName("in") || isOperator("=") || isOperator(")"))
      break;
    if (skipOperator("(")) {
      adopt(*list, target(attributes));
      expectOperator(")");
    } else {
      NodePtr name = make(Kind::Name);
      name->text = takeName();
      if (attributes && skipOperator("."))
        name = wrap(Kind::Attribute, std::move(name), takeName());
      adopt(*list, std::move(name));
    }
    comma |= isOperator(",");
  } while (skipOperator(","));
  if (list->nodes.empty())
    unexpected("a name");
  return comma || list->nodes.empty() ? std::move(list)
                                      : std::move(list->nodes[0]);
}

NodePtr Parser::setStatement() {
  NodePtr where = target(true);
  if (skipOperator("=")) {
    NodePtr node = wrap(Kind::Set, std::move(where));
    adopt(*node, tuple(true, false));
    return node;
  }
  NodePtr node = wrap(Kind::SetBlock, std::move(where));
  adopt(*node, isOperator("|") ? filters(nullptr) : nullptr);
  adopt(*node, body({"endset"}));
  expectName("endset");
  return node;
}

/// The parameters of a macro in parentheses; defaults stand behind the body.
void Parser::parameters(Node &macro) {
  expectOperator("(");
  while (!isOperator(")") && error.empty()) {
    macro.words.push_back(takeName());
    if (skipOperator("="))
      adopt(macro, expression());
    else if (macro.nodes.size() > 1)
      fail("parameter '" + macro.words.back() +
           "' has no default, expected one behind parameters that have");
    if (!skipOperator(","))
      break;
  }
  expectOperator(")");
}

NodePtr Parser::macro() {
  NodePtr node = wrap(Kind::Macro, nullptr, "");
  node->text = takeName();
  parameters(*node);
  adopt(*node, body({"endmacro"}), 0);
  expectName("endmacro");
  return node;
}

NodePtr Parser::callBlock() {
  NodePtr caller = wrap(Kind::Macro, nullptr, "caller");
  if (isOperator("("))
    parameters(*caller);
  NodePtr call = expression();
  if (call && call->kind != Kind::Call)
    fail("call block of no call, expected one");
  adopt(*caller, body({"endcall"}), 0);
  expectName("endcall");
  NodePtr node = wrap(Kind::CallBlock, std::move(caller));
  adopt(*node, std::move(call));
  return node;
}

NodePtr Parser::filterBlock() {
  // The first filter stands without a bar.
  tokens[--place] = {Token::Kind::Operator, "|", current().line};
  NodePtr node = wrap(Kind::FilterBlock, filters(nullptr));
  adopt(*node, body({"endfilter"}));
  expectName("endfilter");
  return node;
}

NodePtr Parser::with() {
  NodePtr node = wrap(Kind::With, nullptr);
  while (current().kind != Token::Kind::BlockEnd && error.empty()) {
    if (node->nodes.size() > 1)
      expectOperator(",");
    NodePtr name = make(Kind::Name);
    name->text = takeName();
    adopt(*node, std::move(name));
    expectOperator("=");
    adopt(*node, expression());
  }
  adopt(*node, body({"endwith"}), 0);
  expectName("endwith");
  return node;
}
