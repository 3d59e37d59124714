//===- FuzzQuantized.cpp - Any tensors as a quantized directory -----------===//
//
// An input holds the length and text of config.json, then a safetensors file.
// Every matrix that comes of them is read and taken apart.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Checkpoint.h"

#include <algorithm>
#include <cstring>

using namespace mica;

static void readAll(const StoredMatrix &matrix) {
  StoredMatrix::Window window;
  std::vector<float> row(matrix.columns());
  const Format &format = matrix.format();
  size_t groups = matrix.columns() / format.blockElements;
  std::vector<uint8_t> codes(matrix.columns());
  std::vector<float> scales(groups);
  std::vector<int8_t> zeros(groups);
  for (int64_t n = 0; n < std::min<int64_t>(matrix.rows(), 200); ++n) {
    matrix.read(n, row.data(), window);
    if (format.isBlocks())
      matrix.split(
          n, {codes.data(), scales.data(), nullptr, nullptr, zeros.data()},
          window);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> input(reinterpret_cast<const std::byte *>(data),
                                   size);
  uint16_t length = 0;
  if (size < sizeof(length))
    return 0;
  std::memcpy(&length, data, sizeof(length));
  input = input.subspan(sizeof(length));
  auto config = input.first(std::min<size_t>(length, input.size()));
  Expected<Safetensors> shard = Safetensors::parse(
      MappedFile::borrow("d/model.safetensors", input.subspan(config.size())));
  if (!shard)
    return 0;
  Expected<Checkpoint> checkpoint = Checkpoint::fromParts(
      "d", MappedFile::borrow("d/config.json", config), nullptr, {*shard});
  if (!checkpoint)
    return 0;
  for (const auto &[name, view] : checkpoint->tensors())
    if (view.matrix)
      readAll(*view.matrix);
  return 0;
}
