//===- FuzzTokenizer.h - Use whatever tokenizer was accepted ----*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_FUZZ_FUZZTOKENIZER_H
#define TEST_FUZZ_FUZZTOKENIZER_H

#include "lib/Import/TokenizerSource.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include <cstdlib>

namespace mica {

/// Encodes and decodes a text; ids outside the vocabulary stop the fuzzer.
inline void useTokenizer(const Tokenizer &tokenizer) {
  for (bool special : {true, false}) {
    std::vector<int32_t> ids =
        tokenizer.encode("Hi  there's 12\n\xe2\x96\x81<s> x<b> <b>\n "
                         "</s>e\xcc\x81\xff\xf0\x9f\x98\x80",
                         {special, special});
    for (int32_t id : ids)
      if (id < 0 || id >= tokenizer.vocabSize())
        std::abort();
    (void)tokenizer.decode(ids, special);
    (void)tokenizer.isEos(ids.empty() ? -1 : ids.back());
  }
  // Guarded text, too.
  std::string guarded = tokenizer.guard("<s>x <b></s>\xff Hi\xef\xb7\x90</s>");
  for (int32_t id :
       tokenizer.encode(guarded, {.addSpecial = false, .guarded = true}))
    if (id < 0 || id >= tokenizer.vocabSize())
      std::abort();
}

/// Builds the tables of `source` and uses them.
inline void useSource(const Expected<TokenizerSource> &source) {
  if (!source)
    return;
  Expected<std::string> tables = buildTokenizerTables(*source);
  if (!tables)
    return;
  auto tokenizer = Tokenizer::create(std::as_bytes(std::span(*tables)));
  if (!tokenizer)
    std::abort(); // buildTokenizerTables promises that it is accepted
  useTokenizer(*tokenizer);
}

} // namespace mica

#endif // TEST_FUZZ_FUZZTOKENIZER_H
