//===- Lexer.h - A chat template's tokens -----------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_LEXER_H
#define RUNTIME_CHAT_LEXER_H

#include "mica/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mica::chat {

struct Token {
  enum class Kind : uint8_t {
    Text,
    BlockBegin,
    BlockEnd,
    OutputBegin,
    OutputEnd,
    Name,
    String, // Without quotes and escapes.
    Integer,
    Float,
    Operator,
    End
  };
  Kind kind;
  std::string text;
  uint32_t line;
};

/// The tokens of a template, `End` behind them. White space is cut as with
/// Jinja's `trim_blocks` and `lstrip_blocks`, comments are left out.
Expected<std::vector<Token>> lexTemplate(std::string_view source);

/// "line 3: ".
std::string atLine(uint32_t line);

} // namespace mica::chat

#endif // RUNTIME_CHAT_LEXER_H
