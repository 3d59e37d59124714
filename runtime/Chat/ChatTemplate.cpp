//===- ChatTemplate.cpp - A conversation as a model wants it --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/ChatTemplate.h"
#include "runtime/Chat/Interpreter.h"
#include "runtime/Chat/Json.h"
#include "runtime/Chat/Parser.h"

#include "nlohmann/json.hpp"

using namespace mica;
using namespace mica::chat;

ChatTemplate::ChatTemplate(std::unique_ptr<Node> root)
    : root(std::move(root)) {}
ChatTemplate::ChatTemplate(ChatTemplate &&) noexcept = default;
ChatTemplate &ChatTemplate::operator=(ChatTemplate &&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

/// A message of one line, whatever the template put into it.
static Error inTemplate(std::string message) {
  for (char &c : message)
    if (uint8_t(c) < ' ')
      c = ' ';
  if (message.size() > 600)
    message.resize(600);
  return Error{"chat template: " + message};
}

Expected<ChatTemplate> ChatTemplate::create(std::string_view text) {
  auto tokens = lexTemplate(text);
  if (!tokens)
    return inTemplate(tokens.error().message);
  auto root = Parser(std::move(*tokens)).run();
  if (!root)
    return inTemplate(root.error().message);
  return ChatTemplate(std::move(*root));
}

Expected<std::string>
ChatTemplate::render(const nlohmann::ordered_json &variables,
                     const Limits &limits) const {
  Interpreter interpreter(limits);
  for (const auto &[name, json] : variables.items()) {
    auto value = fromJson(json);
    if (!value)
      return inTemplate(name + ": " + value.error().message);
    interpreter.define(name, std::move(*value));
  }
  auto text = interpreter.run(*root);
  if (!text)
    return inTemplate(text.error().message);
  return text;
}
