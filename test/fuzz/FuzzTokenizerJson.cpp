//===- FuzzTokenizerJson.cpp - Any text as tokenizer.json -----------------===//
//
// An input holds tokenizer.json, tokenizer_config.json, generation_config.json
// and config.json, with a zero byte between two; the last ones may be missing.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/ChatTemplates.h"
#include "lib/Import/TokenizerJson.h"
#include "test/fuzz/FuzzTokenizer.h"

#include <algorithm>

using namespace mica;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> input(reinterpret_cast<const std::byte *>(data),
                                   size);
  auto take = [&](const char *name) -> std::optional<MappedFile> {
    if (input.empty())
      return std::nullopt;
    auto end = std::find(input.begin(), input.end(), std::byte{0});
    auto length = static_cast<size_t>(end - input.begin());
    MappedFile file = MappedFile::borrow(name, input.first(length));
    input = input.subspan(std::min(length + 1, input.size()));
    return file;
  };
  std::optional<MappedFile> tokenizer = take("d/tokenizer.json");
  if (!tokenizer)
    return 0;
  TokenizerFiles files{*tokenizer, {}, {}, {}};
  files.tokenizerConfig = take("d/tokenizer_config.json");
  files.generationConfig = take("d/generation_config.json");
  files.modelConfig = take("d/config.json");
  if (files.tokenizerConfig)
    (void)chatSource(*files.tokenizerConfig);
  useSource(parseTokenizerJson(files));
  return 0;
}
