//===- FuzzTokenizerGGUF.cpp - Any GGUF file as a tokenizer ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/ChatTemplates.h"
#include "lib/Import/TokenizerGGUF.h"
#include "test/fuzz/FuzzTokenizer.h"

using namespace mica;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> input(reinterpret_cast<const std::byte *>(data),
                                   size);
  if (Expected<GGUF> gguf = GGUF::parse(MappedFile::borrow("v.gguf", input))) {
    (void)chatSource(*gguf);
    useSource(tokenizerFromGGUF(*gguf));
  }
  return 0;
}
