//===- ChatTemplate.h - A conversation as a model wants it ------*- C++ -*-===//
//
// Renders the Jinja templates of published models as `transformers` does:
// blocks are trimmed, nothing is escaped, and what changes a list, or reaches
// beyond plain values, is refused.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_CHATTEMPLATE_H
#define RUNTIME_CHAT_CHATTEMPLATE_H

#include "mica/Status.h"

#include "nlohmann/json_fwd.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mica::chat {

struct Node;

/// What a template may use at most: one from a stranger ends soon.
struct Limits {
  uint64_t steps = 20'000'000;        ///< Expressions and statements, about.
  uint64_t bytes = uint64_t(1) << 29; ///< Of all values and text it makes.
};

/// A template that was read. Immutable, so threads may share one.
class ChatTemplate {
public:
  /// Reads the text of a template. Errors name the line.
  static Expected<ChatTemplate> create(std::string_view text);
  ChatTemplate(ChatTemplate &&) noexcept;
  ChatTemplate &operator=(ChatTemplate &&) noexcept;
  ~ChatTemplate();

  /// Renders it with the members of the object `variables`, such as
  /// `messages`, `tools`, `add_generation_prompt` and `bos_token`.
  Expected<std::string> render(const nlohmann::ordered_json &variables,
                               const Limits &limits = {}) const;

private:
  explicit ChatTemplate(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root;
};

} // namespace mica::chat

#endif // RUNTIME_CHAT_CHATTEMPLATE_H
