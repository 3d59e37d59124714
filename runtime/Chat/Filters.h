//===- Filters.h - The filters of Jinja -------------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_FILTERS_H
#define RUNTIME_CHAT_FILTERS_H

#include "runtime/Chat/Interpreter.h"

namespace mica::chat {

/// Those of lists and dictionaries; null if it is none of them.
const Native *findSequenceFilter(std::string_view name);

} // namespace mica::chat

#endif // RUNTIME_CHAT_FILTERS_H
