//===- Breakers.cpp - Where a string can begin and end in tokens ----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Breakers.h"

#include <algorithm>

using namespace mica;

std::vector<std::vector<int32_t>>
mica::breakerSequences(const Tokenizer &tokenizer, std::string_view text) {
  std::vector<std::vector<int32_t>> sequences;
  if (text.empty())
    return sequences;
  // Of the text behind its first n bytes.
  std::vector<std::vector<int32_t>> rest(text.size());
  for (size_t n = 1; n < text.size(); ++n)
    rest[n] = tokenizer.encode(text.substr(n),
                               {.addSpecial = false, .parseSpecial = false});
  for (int32_t id = 0; id < tokenizer.vocabSize(); ++id) {
    std::string bytes = tokenizer.bytes(id);
    if (bytes.find(text) != std::string::npos) {
      sequences.push_back({id});
      continue;
    }
    for (size_t n = std::min(bytes.size(), text.size() - 1); n > 0; --n) {
      if (!bytes.ends_with(text.substr(0, n)) || rest[n].empty())
        continue;
      sequences.push_back({id});
      sequences.back().insert(sequences.back().end(), rest[n].begin(),
                              rest[n].end());
    }
  }
  return sequences;
}
