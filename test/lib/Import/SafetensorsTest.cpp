//===- SafetensorsTest.cpp - Valid, damaged and hostile safetensors -------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TestFiles.h"

using namespace mica;
using namespace mica::test;
using Json = nlohmann::ordered_json;

namespace {

Expected<Safetensors> parse(std::string_view text) {
  return Safetensors::parse(MappedFile::borrow("m.safetensors", asBytes(text)));
}

std::string errorOf(std::string_view text) {
  Expected<Safetensors> file = parse(text);
  return file ? "no error" : file.error().message;
}

/// The error of a file with 64 bytes of data and this header.
std::string errorOfHeader(const std::string &header) {
  Bytes all;
  all.put(uint64_t(header.size())).text += header;
  return errorOf(all.text + std::string(64, 'x'));
}

/// The error of a file whose only tensor is "t".
std::string errorOfTensor(const char *dtype, Json shape, Json offsets) {
  return errorOfHeader(Json{
      {"t", {{"dtype", dtype}, {"shape", shape}, {"data_offsets", offsets}}}}
                           .dump());
}

SafetensorsWriter sample() {
  SafetensorsWriter w;
  w.header["__metadata__"] = {{"format", "pt"}};
  w.floats("b", {2, 3});
  w.floats("a", {4});
  w.floats("scalar", {});
  w.floats("empty", {0, 7});
  return w;
}

TEST(Safetensors, tensors) {
  std::string text = sample().file();
  Expected<Safetensors> file = parse(text);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 4u);
  const Safetensors::Tensor &b = file->tensors()[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b.format->name, "F32");
  EXPECT_EQ(b.data.size(), 24u);
  EXPECT_EQ(file->tensors()[3].name, "scalar");
  EXPECT_EQ(file->tensors()[3].data.size(), 4u);
}

TEST(Safetensors, truncated_anywhere) {
  std::string text = sample().file();
  for (size_t size = 0; size < text.size(); ++size)
    ASSERT_FALSE(parse(text.substr(0, size))) << size;
  EXPECT_EQ(errorOf(text.substr(0, 5)),
            "m.safetensors: file of 5 bytes, expected a safetensors header");
  EXPECT_EQ(errorOf(text.substr(0, text.size() - 1)),
            "m.safetensors: tensor 'empty' ends at byte 44 of the data, "
            "expected at most 43");
}

TEST(Safetensors, any_bit_flipped) {
  std::string text = sample().file();
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string damaged = text;
    damaged[i / 8] ^= 1 << i % 8;
    Expected<Safetensors> file = parse(damaged);
    if (!file)
      EXPECT_EQ(file.error().message.find('\n'), std::string::npos);
  }
}

TEST(Safetensors, hostile_header) {
  Bytes huge;
  huge.put(~uint64_t(0)).text += "{}";
  EXPECT_EQ(errorOf(huge.text), "m.safetensors: header of 18446744073709551615 "
                                "bytes, expected at most 2");
  EXPECT_EQ(errorOfHeader("[]"),
            "m.safetensors: header: a JSON array, expected a JSON object");
  EXPECT_EQ(errorOfHeader("{"),
            "m.safetensors: header: not valid JSON, expected a JSON object");
  EXPECT_EQ(errorOfHeader(std::string(100000, '[')),
            "m.safetensors: header: JSON nested 100000 deep, expected at most "
            "200");
  std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_EQ(errorOfHeader("{\"t\":" + deep + "}"),
            "m.safetensors: tensor 't' lacks a field, expected dtype, shape "
            "and data_offsets");
  EXPECT_EQ(errorOfHeader("{}"),
            "m.safetensors: data of 64 bytes, expected 0 for its tensors");
}

TEST(Safetensors, hostile_tensors) {
  EXPECT_EQ(errorOfTensor("F32", {16}, {0, 64}), "no error");
  std::string t = "m.safetensors: tensor 't' ";
  EXPECT_EQ(errorOfTensor("F31", {16}, {0, 64}),
            t + "has an unknown dtype, expected one such as F32 or BF16");
  std::string shape = t + "has no valid shape, expected at most 8 sizes below "
                          "2^48";
  EXPECT_EQ(errorOfTensor("F32", -16, {0, 64}), shape);
  EXPECT_EQ(errorOfTensor("F32", {-16}, {0, 64}), shape);
  EXPECT_EQ(errorOfTensor("F32", {1.5}, {0, 64}), shape);
  EXPECT_EQ(errorOfTensor("F32", {uint64_t(1) << 48}, {0, 64}), shape);
  EXPECT_EQ(errorOfTensor("F32", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0, 4}), shape);
  std::string offsets = t + "has no valid data_offsets, expected a begin and "
                            "an end";
  EXPECT_EQ(errorOfTensor("F32", {16}, {64, 0}), offsets);
  EXPECT_EQ(errorOfTensor("F32", {16}, {64}), offsets);
  EXPECT_EQ(errorOfTensor("F32", {16}, {0, 68}),
            t + "ends at byte 68 of the data, expected at most 64");
  EXPECT_EQ(errorOfTensor("F16", {16}, {0, 64}),
            t + "has 64 bytes, expected 32 for its shape");
  uint64_t big = (uint64_t(1) << 48) - 1;
  EXPECT_EQ(errorOfTensor("F32", {big, big}, {0, 64}),
            t + "has 64 bytes, expected fewer elements for its shape");
  EXPECT_EQ(errorOfTensor("F32", {15}, {4, 64}),
            t + "begins at byte 4 of the data, expected 0");
  EXPECT_EQ(errorOfTensor("F32", {15}, {0, 60}),
            "m.safetensors: data of 64 bytes, expected 60 for its tensors");
}

TEST(Safetensors, overlap) {
  Json entry = {{"dtype", "F32"}, {"shape", {16}}, {"data_offsets", {0, 64}}};
  EXPECT_EQ(errorOfHeader(Json{{"a", entry}, {"b", entry}}.dump()),
            "m.safetensors: tensor 'b' begins at byte 0 of the data, expected "
            "64");
}

} // namespace
