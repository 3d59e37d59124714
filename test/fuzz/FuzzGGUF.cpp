//===- FuzzGGUF.cpp - Any bytes as a GGUF file ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Model.h"

using namespace mica;

/// Reads whatever the file says of `key`, as every type.
static void readAll(const GGUF &gguf, std::string_view key) {
  (void)gguf.getInt(key);
  (void)gguf.getFloat(key);
  (void)gguf.getBool(key);
  (void)gguf.getString(key);
  (void)gguf.getInts(key);
  (void)gguf.getFloats(key);
  if (auto strings = gguf.getStrings(key))
    for (std::string_view text : *strings)
      (void)quote(text);
}

/// Decodes the first and the last row and takes those of blocks apart.
static void readEnds(const GGUF::Tensor &tensor) {
  const Format &format = *tensor.format;
  int64_t n = tensor.shape.back();
  size_t blocks = n / format.blockElements, groups = n / format.group();
  std::vector<float> row(n), scales(blocks), mins(blocks);
  std::vector<uint8_t> codes(n);
  std::vector<int8_t> subScales(groups), subMins(groups);
  for (auto data : {tensor.data.first(format.rowBytes(n)),
                    tensor.data.last(format.rowBytes(n))}) {
    decodeRow(format, data.data(), n, row.data());
    if (format.isBlocks())
      splitRow(format, data.data(), n,
               {codes.data(), scales.data(), mins.data(), subScales.data(),
                subMins.data()});
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Expected<GGUF> gguf = GGUF::parse(MappedFile::borrow(
      "m.gguf", {reinterpret_cast<const std::byte *>(data), size}));
  if (!gguf)
    return 0;
  for (const char *key : {"general.architecture",
                          "tokenizer.ggml.tokens",
                          "tokenizer.ggml.scores",
                          "tokenizer.ggml.token_type",
                          "s0",
                          "s1",
                          "s2",
                          "s3",
                          "s4",
                          "s5",
                          "s6",
                          "s7",
                          "s10",
                          "s11",
                          "s12",
                          "a0",
                          "a1",
                          "a2",
                          "a3",
                          "a4",
                          "a5",
                          "a7",
                          "a10",
                          "a11"})
    readAll(*gguf, key);
  for (const GGUF::Tensor &tensor : gguf->tensors())
    readEnds(tensor);
  if (Expected<Checkpoint> checkpoint = Checkpoint::fromGGUF({*gguf}))
    if (Expected<ModelDescription> model = describeModel(*checkpoint))
      (void)toJson(*model);
  return 0;
}
