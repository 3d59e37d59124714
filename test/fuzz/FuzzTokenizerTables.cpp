//===- FuzzTokenizerTables.cpp - Any bytes as tokenizer tables ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/fuzz/FuzzTokenizer.h"

using namespace mica;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> input(reinterpret_cast<const std::byte *>(data),
                                   size);
  if (Expected<Tokenizer> tokenizer = Tokenizer::create(input))
    useTokenizer(*tokenizer);
  return 0;
}
