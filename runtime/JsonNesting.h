//===- JsonNesting.h - How deep a JSON text goes ----------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_JSONNESTING_H
#define RUNTIME_JSONNESTING_H

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mica {

/// What is nested deeper is refused: copies and printed values are recursive.
inline constexpr size_t kMaxJsonNesting = 200;

/// How many brackets of a JSON text lie in each other at most.
inline size_t jsonNesting(std::string_view text) {
  size_t depth = 0, most = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{'))
      most = std::max(most, ++depth);
    else if (!quoted && (c == ']' || c == '}') && depth)
      --depth;
  }
  return most;
}

} // namespace mica

#endif // RUNTIME_JSONNESTING_H
