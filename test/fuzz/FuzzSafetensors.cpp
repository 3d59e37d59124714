//===- FuzzSafetensors.cpp - Any bytes as a safetensors file --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Safetensors.h"

using namespace mica;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Expected<Safetensors> file = Safetensors::parse(MappedFile::borrow(
      "m.safetensors", {reinterpret_cast<const std::byte *>(data), size}));
  if (!file)
    return 0;
  for (const Safetensors::Tensor &tensor : file->tensors()) {
    if (!tensor.format)
      continue;
    int64_t count = tensor.data.size() / tensor.format->blockBytes;
    std::vector<float> values(count);
    decodeRow(*tensor.format, tensor.data.data(), count, values.data());
  }
  return 0;
}
