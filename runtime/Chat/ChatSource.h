//===- ChatSource.h - How conversations are written -------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_CHATSOURCE_H
#define RUNTIME_CHAT_CHATSOURCE_H

#include <string>

namespace mica {

/// How conversations with the model are written.
struct ChatSource {
  std::string text; // A Jinja template (runtime/Chat); "" if there is none.
  std::string toolsText; // The one for conversations with tools, if another.
  std::string bos, eos;  // What templates call bos_token and eos_token.
};

} // namespace mica

#endif // RUNTIME_CHAT_CHATSOURCE_H
