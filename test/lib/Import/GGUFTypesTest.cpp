//===- GGUFTypesTest.cpp - Damaged and hostile files of every type --------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TestFiles.h"

#include <set>

using namespace mica;
using namespace mica::test;

namespace {

/// The formats that a GGUF file may have.
std::vector<const Format *> everyFormat() {
  std::vector<const Format *> formats;
  for (const Format &format : formatTable())
    if (format.ggufType >= 0)
      formats.push_back(&format);
  return formats;
}

/// Two rows of two blocks beside a vector.
std::string fileOf(const Format &format) {
  GGUFWriter w;
  uint64_t columns = 2 * format.blockElements;
  w.tensor("m", {2, columns}, format.ggufType, 2 * format.rowBytes(columns));
  w.floats("v", {8});
  return w.file();
}

/// Decodes every row and takes those of blocks apart.
void readAll(const GGUF::Tensor &tensor) {
  const Format &f = *tensor.format;
  int64_t n = tensor.shape.back();
  std::vector<float> row(n), scales(n), mins(n);
  std::vector<uint8_t> codes(n);
  std::vector<int8_t> subScales(n), subMins(n);
  for (auto left = tensor.data; !left.empty();
       left = left.subspan(f.rowBytes(n))) {
    decodeRow(f, left.data(), n, row.data());
    if (f.isBlocks())
      splitRow(f, left.data(), n,
               {codes.data(), scales.data(), mins.data(), subScales.data(),
                subMins.data()});
  }
}

TEST(GGUFTypes, damaged) {
  for (const Format *format : everyFormat()) {
    SCOPED_TRACE(format->name);
    std::string text = fileOf(*format);
    ASSERT_TRUE(parseGGUF(text));
    for (size_t size = 0; size < text.size(); ++size)
      ASSERT_FALSE(parseGGUF(std::string(text.substr(0, size)))) << size;
    for (size_t i = 0; i < text.size() * 8; ++i) {
      std::string damaged = text;
      damaged[i / 8] ^= 1 << i % 8;
      Expected<GGUF> gguf = parseGGUF(damaged);
      if (!gguf)
        EXPECT_EQ(gguf.error().message.find('\n'), std::string::npos);
      else
        for (const GGUF::Tensor &tensor : gguf->tensors())
          readAll(tensor);
    }
  }
}

TEST(GGUFTypes, in_parts_of_blocks) {
  for (const Format *format : everyFormat()) {
    if (format->blockElements == 1)
      continue;
    uint64_t size = format->blockElements;
    for (uint64_t columns : {uint64_t(1), size - 1, size + 1, size / 2}) {
      GGUFWriter w;
      w.tensor("m", {2, columns}, format->ggufType, 4096);
      EXPECT_EQ(errorOfGGUF(w.file()),
                "m.gguf: tensor 'm' has rows of " + std::to_string(columns) +
                    " elements, expected a multiple of " +
                    std::to_string(size) + " for " + std::string(format->name));
    }
  }
}

// Sizes whose product with a block's bytes is beyond 64 bits, or wraps around
// to a few bytes.
TEST(GGUFTypes, beyond_64_bits) {
  for (const Format *format : everyFormat()) {
    uint64_t columns = format->blockElements;
    for (std::vector<uint64_t> shape :
         {std::vector<uint64_t>{uint64_t(1) << 63, columns},
          {~uint64_t(0), columns},
          {uint64_t(1) << 32, uint64_t(1) << 32, columns},
          {uint64_t(1) << 48, 1, columns, 2 * columns}}) {
      GGUFWriter w;
      w.tensor("m", shape, format->ggufType, 4096);
      EXPECT_EQ(errorOfGGUF(w.file()).find("m.gguf: tensor 'm' has shape ["),
                0u)
          << format->name;
    }
    GGUFWriter w;
    w.tensor("m", {uint64_t(1) << 39, columns}, format->ggufType, 4096);
    uint64_t bytes = (uint64_t(1) << 39) * format->blockBytes;
    EXPECT_EQ(errorOfGGUF(w.file()),
              "m.gguf: tensor 'm' takes " + std::to_string(bytes) +
                  " bytes at offset 0, expected at most the "
                  "4096 bytes of data in the file");
  }
}

TEST(GGUFTypes, over_another) {
  for (const Format *format : everyFormat()) {
    uint64_t columns = 64 * format->blockElements;
    size_t bytes = format->rowBytes(columns);
    GGUFWriter w;
    w.tensor("a", {1, columns}, format->ggufType, bytes);
    w.tensor("b", {1, columns}, format->ggufType, bytes, 32);
    EXPECT_EQ(errorOfGGUF(w.file()), "m.gguf: tensor 'b' overlaps tensor 'a', "
                                     "expected tensors apart");
  }
}

TEST(GGUFTypes, that_are_none) {
  std::set<uint32_t> known;
  for (const Format *format : everyFormat())
    known.insert(format->ggufType);
  for (uint32_t type = 0; type < 300; ++type) {
    GGUFWriter w;
    w.tensor("m", {1, 256}, type, 1024);
    EXPECT_EQ(errorOfGGUF(w.file()).find("m.gguf: tensor 'm' has type " +
                                         std::to_string(type) +
                                         ", expected one of ") == 0,
              !known.contains(type))
        << type;
  }
  for (uint32_t type : {0x80000000u, 0x80000008u, ~0u}) {
    GGUFWriter w;
    w.tensor("m", {1, 256}, type, 1024);
    EXPECT_NE(errorOfGGUF(w.file()), "no error") << type;
  }
}

} // namespace
