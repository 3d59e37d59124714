//===- Chat.h - `mica run --chat` -------------------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_CHAT_H
#define TOOLS_MICA_CHAT_H

#include "mica/Model.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include <string>
#include <vector>

namespace mica {

struct ChatOptions {
  std::string file;     ///< The artifact, for messages.
  std::string system;   ///< The text that the conversation begins with, if any.
  uint32_t tokens = 0;  ///< Of one answer at most.
  uint32_t context = 0; ///< Tokens that the cache holds; 0: the model's most.
  SamplerOptions sampler; ///< One for the whole conversation.
  std::vector<std::string> stop;
};

/// Answers each line of standard input until it ends; an interrupt ends the
/// answer, and the conversation where there is none. Returns the exit status.
int runChat(Model &model, const Tokenizer &tokenizer,
            const ChatOptions &options);

} // namespace mica

#endif // TOOLS_MICA_CHAT_H
