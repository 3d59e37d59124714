//===- FuzzConfig.cpp - Any text as config.json ---------------------------===//
//
// An input holds the lengths and texts of config.json, generation_config.json
// and model.safetensors.index.json, then a safetensors file.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Model.h"
#include "lib/Import/ShardIndex.h"

#include <algorithm>

using namespace mica;

using Span = std::span<const std::byte>;

/// Takes a 16-bit length and as many bytes, or what is left, off the front.
static Span takeText(Span &input) {
  uint16_t length = 0;
  if (input.size() >= sizeof(length)) {
    std::memcpy(&length, input.data(), sizeof(length));
    input = input.subspan(sizeof(length));
  }
  Span text = input.first(std::min<size_t>(length, input.size()));
  input = input.subspan(text.size());
  return text;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Span input(reinterpret_cast<const std::byte *>(data), size);
  MappedFile config = MappedFile::borrow("d/config.json", takeText(input));
  MappedFile generation =
      MappedFile::borrow("d/generation_config.json", takeText(input));
  MappedFile index =
      MappedFile::borrow("d/model.safetensors.index.json", takeText(input));
  Expected<ShardIndex> shards = ShardIndex::parse(index);
  Expected<Safetensors> shard =
      Safetensors::parse(MappedFile::borrow("d/model.safetensors", input));
  if (!shard)
    return 0;
  Expected<Checkpoint> checkpoint =
      Checkpoint::fromParts("d", config, &generation, {*shard});
  if (!checkpoint)
    return 0;
  if (shards && !shards->files().empty())
    (void)shards->check("d", *checkpoint);
  if (Expected<ModelDescription> model = describeModel(*checkpoint))
    (void)toJson(*model);
  return 0;
}
