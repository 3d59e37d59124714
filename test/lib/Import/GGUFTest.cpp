//===- GGUFTest.cpp - Valid, damaged and hostile GGUF files ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TestFiles.h"

using namespace mica;
using namespace mica::test;

namespace {

/// Every metadata type and three tensors.
GGUFWriter sample() {
  GGUFWriter w;
  w.text("general.architecture", "llama");
  w.integer("i", 7);
  w.number("f", 0.5f);
  w.raw("b", 7, Bytes().put(uint8_t(1)));
  w.raw("u8", 0, Bytes().put(uint8_t(200)));
  w.raw("i8", 1, Bytes().put(int8_t(-2)));
  w.raw("u16", 2, Bytes().put(uint16_t(60000)));
  w.raw("i16", 3, Bytes().put(int16_t(-3)));
  w.raw("i32", 5, Bytes().put(int32_t(-4)));
  w.raw("u64", 10, Bytes().put(uint64_t(1) << 40));
  w.raw("i64", 11, Bytes().put(int64_t(-5)));
  w.raw("f64", 12, Bytes().put(0.25));
  w.raw("huge", 10, Bytes().put(~uint64_t(0)));
  w.raw("strings", 9,
        Bytes()
            .put(uint32_t(8))
            .put(uint64_t(3))
            .string("a")
            .string("")
            .string("ccc"));
  w.raw("floats", 9,
        Bytes().put(uint32_t(6)).put(uint64_t(2)).put(1.5f).put(-2.f));
  w.raw("ints", 9,
        Bytes()
            .put(uint32_t(5))
            .put(uint64_t(2))
            .put(int32_t(-1))
            .put(int32_t(9)));
  w.floats("v", {3});
  w.tensor("m", {2, 32}, 8, 68);
  w.tensor("k", {1, 256}, 12, 144);
  return w;
}

TEST(GGUF, metadata) {
  std::string text = sample().file();
  Expected<GGUF> gguf = parseGGUF(text);
  ASSERT_TRUE(gguf) << gguf.error().message;
  EXPECT_EQ(*gguf->getString("general.architecture"), "llama");
  EXPECT_EQ(*gguf->getInt("i"), 7);
  EXPECT_EQ(*gguf->getInt("u8"), 200);
  EXPECT_EQ(*gguf->getInt("i8"), -2);
  EXPECT_EQ(*gguf->getInt("u16"), 60000);
  EXPECT_EQ(*gguf->getInt("i16"), -3);
  EXPECT_EQ(*gguf->getInt("i32"), -4);
  EXPECT_EQ(*gguf->getInt("u64"), int64_t(1) << 40);
  EXPECT_EQ(*gguf->getInt("i64"), -5);
  EXPECT_EQ(*gguf->getFloat("f"), 0.5);
  EXPECT_EQ(*gguf->getFloat("f64"), 0.25);
  EXPECT_TRUE(*gguf->getBool("b"));
  EXPECT_EQ(*gguf->getStrings("strings"),
            (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ((*gguf->getFloats("floats"))[1], -2);
  EXPECT_EQ(gguf->getFloats("floats")->size(), 2u);
  EXPECT_EQ(*gguf->getInts("ints"), (std::vector<int64_t>{-1, 9}));
  EXPECT_TRUE(gguf->isArray("ints"));
  EXPECT_FALSE(gguf->isArray("i"));
  EXPECT_FALSE(gguf->contains("absent"));
}

TEST(GGUF, wrong_types) {
  std::string text = sample().file();
  Expected<GGUF> gguf = parseGGUF(text);
  ASSERT_TRUE(gguf);
  EXPECT_EQ(gguf->getInt("f").error().message,
            "m.gguf: metadata 'f' is of type f32, expected an integer below "
            "2^63");
  EXPECT_EQ(gguf->getInt("huge").error().message,
            "m.gguf: metadata 'huge' is of type u64, expected an integer "
            "below 2^63");
  EXPECT_EQ(gguf->getString("absent").error().message,
            "m.gguf: metadata 'absent' is missing, expected a string");
  EXPECT_EQ(gguf->getFloats("ints").error().message,
            "m.gguf: metadata 'ints' is an array of i32, expected an array of "
            "f32");
  EXPECT_FALSE(gguf->getInts("strings"));
  EXPECT_FALSE(gguf->getInts("i"));
  EXPECT_FALSE(gguf->getStrings("floats"));
  EXPECT_FALSE(gguf->getBool("i"));
  EXPECT_FALSE(gguf->getFloat("i"));
}

TEST(GGUF, tensors) {
  std::string text = sample().file();
  Expected<GGUF> gguf = parseGGUF(text);
  ASSERT_TRUE(gguf);
  ASSERT_EQ(gguf->tensors().size(), 3u);
  const GGUF::Tensor &m = gguf->tensors()[1];
  EXPECT_EQ(m.name, "m");
  EXPECT_EQ(m.shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(m.format->name, "Q8_0");
  EXPECT_EQ(m.data.size(), 68u);
  EXPECT_EQ(m.data[0], std::byte(0x3c));
  EXPECT_EQ((m.data.data() - gguf->bytes().data()) % 32, 0);
}

TEST(GGUF, no_tensors) {
  GGUFWriter w;
  w.text("general.architecture", "llama");
  Expected<GGUF> gguf = parseGGUF(w.file());
  ASSERT_TRUE(gguf);
  EXPECT_TRUE(gguf->tensors().empty());
}

TEST(GGUF, truncated_anywhere) {
  std::string text = sample().file();
  // The last tensor's padding is not needed.
  for (size_t size = 0; size < text.size() - 16; ++size)
    ASSERT_FALSE(parseGGUF(std::string(text.substr(0, size)))) << size;
  EXPECT_TRUE(parseGGUF(text.substr(0, text.size() - 16)));
  EXPECT_EQ(errorOfGGUF(text.substr(0, 3)),
            "m.gguf: GGUF header ends at byte 3 with the file, expected more "
            "bytes");
}

TEST(GGUF, any_bit_flipped) {
  std::string text = sample().file();
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string damaged = text;
    damaged[i / 8] ^= 1 << i % 8;
    Expected<GGUF> gguf = parseGGUF(damaged);
    if (!gguf) {
      EXPECT_EQ(gguf.error().message.find('\n'), std::string::npos);
      continue;
    }
    // Whatever was accepted can be read.
    for (const GGUF::Tensor &tensor : gguf->tensors()) {
      int64_t columns = tensor.shape.back();
      ASSERT_LE(columns, 4096);
      std::vector<float> row(columns);
      decodeRow(*tensor.format, tensor.data.data(), columns, row.data());
    }
    (void)gguf->getStrings("strings");
    (void)gguf->getInts("ints");
  }
}

TEST(GGUF, wrong_header) {
  GGUFWriter w = sample();
  w.magic = 0x12345678;
  EXPECT_EQ(errorOfGGUF(w.file()),
            "m.gguf: first 4 bytes are 'xV4\\x12', expected 'GGUF'");
  w = sample();
  w.version = 2;
  EXPECT_EQ(errorOfGGUF(w.file()),
            "m.gguf: GGUF version 2, expected version 3");
  w.version = 0x03000000;
  EXPECT_EQ(errorOfGGUF(w.file()),
            "m.gguf: big-endian GGUF, expected little-endian");
  w = sample();
  w.extraValues = uint64_t(1) << 60;
  EXPECT_NE(errorOfGGUF(w.file()), "no error");
  w = sample();
  w.extraTensors = ~uint64_t(0) - 3;
  EXPECT_NE(errorOfGGUF(w.file()), "no error");
}

TEST(GGUF, hostile_metadata) {
  auto with = [](uint32_t type, const Bytes &value) {
    GGUFWriter w;
    w.raw("x", type, value);
    return errorOfGGUF(w.file());
  };
  EXPECT_EQ(with(13, {}), "m.gguf: metadata 'x' has type 13, expected 0 to 12");
  EXPECT_EQ(with(7, Bytes().put(uint8_t(2))),
            "m.gguf: metadata 'x' holds the bool 2, expected 0 or 1");
  EXPECT_EQ(with(9, Bytes().put(uint32_t(9)).put(uint64_t(1))),
            "m.gguf: metadata 'x' is an array of arrays, expected one of "
            "scalars");
  std::string truncated = "m.gguf: metadata 'x' ends at byte 64 with the file, "
                          "expected more bytes";
  uint64_t most = ~uint64_t(0);
  EXPECT_EQ(with(9, Bytes().put(uint32_t(6)).put(most)), truncated);
  EXPECT_EQ(with(9, Bytes().put(uint32_t(8)).put(most)), truncated);
  EXPECT_EQ(with(9, Bytes().put(uint32_t(10)).put(most / 8 + 2)), truncated);
  EXPECT_EQ(with(8, Bytes().put(most)), truncated);
  GGUFWriter twice;
  twice.integer("x", 1);
  twice.integer("x", 1);
  EXPECT_EQ(errorOfGGUF(twice.file()),
            "m.gguf: metadata 'x' occurs twice, expected once");
}

TEST(GGUF, alignment) {
  GGUFWriter w;
  w.integer("general.alignment", 24);
  EXPECT_EQ(errorOfGGUF(w.file()),
            "m.gguf: metadata 'general.alignment' is 24, expected a power of "
            "two from 8 to 1048576");
  w = {};
  w.text("general.alignment", "32");
  EXPECT_NE(errorOfGGUF(w.file()), "no error");
  w = {};
  w.integer("general.alignment", 32);
  w.floats("v", {3});
  EXPECT_TRUE(parseGGUF(w.file()));
}

TEST(GGUF, hostile_tensors) {
  auto with = [](std::vector<uint64_t> shape, uint32_t type, int64_t offset) {
    GGUFWriter w;
    w.tensor("t", std::move(shape), type, 64, offset);
    return errorOfGGUF(w.file());
  };
  EXPECT_EQ(with({}, 0, 0),
            "m.gguf: tensor 't' has 0 dimensions, expected 1 to 4");
  EXPECT_EQ(with({1, 1, 1, 1, 1}, 0, 0),
            "m.gguf: tensor 't' has 5 dimensions, expected 1 to 4");
  EXPECT_EQ(with({4}, 4, 0),
            "m.gguf: tensor 't' has type 4, expected one of F32, F16, BF16, "
            "Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, "
            "IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4");
  EXPECT_EQ(with({4}, 0, 8),
            "m.gguf: tensor 't' is at offset 8, expected a multiple of 32");
  EXPECT_EQ(with({33}, 8, 0),
            "m.gguf: tensor 't' has rows of 33 elements, expected a multiple "
            "of 32 for Q8_0");
  std::string shape = "m.gguf: tensor 't' has shape ";
  std::string wanted =
      ", expected sizes of 1 or more and 2^48 elements at most";
  EXPECT_EQ(with({0}, 0, 0), shape + "[0]" + wanted);
  EXPECT_EQ(with({~uint64_t(0)}, 8, 0),
            shape + "[18446744073709551615]" + wanted);
  EXPECT_EQ(with({uint64_t(1) << 32, uint64_t(1) << 32}, 0, 0),
            shape + "[4294967296, 4294967296]" + wanted);
  EXPECT_EQ(with({17}, 0, 0),
            "m.gguf: tensor 't' takes 68 bytes at offset 0, expected at most "
            "the 64 bytes of data in the file");
  EXPECT_EQ(with({1}, 0, 96),
            "m.gguf: tensor 't' takes 4 bytes at offset 96, expected at most "
            "the 64 bytes of data in the file");
}

TEST(GGUF, tensors_apart) {
  GGUFWriter w;
  w.tensor("a", {9}, 0, 64, 0);
  w.tensor("b", {1}, 0, 4, 32);
  EXPECT_EQ(errorOfGGUF(w.file()),
            "m.gguf: tensor 'b' overlaps tensor 'a', expected tensors apart");
  w = {};
  w.floats("a", {9});
  w.floats("a", {9});
  EXPECT_EQ(errorOfGGUF(w.file()),
            "m.gguf: tensor 'a' occurs twice, expected once");
}

TEST(GGUF, files) {
  TemporaryDirectory directory;
  EXPECT_TRUE(GGUF::open(directory.write("m.gguf", sample().file())));
  EXPECT_FALSE(GGUF::open(directory.write("empty.gguf", "")));
  std::string absent = directory.path() + "/absent.gguf";
  EXPECT_EQ(GGUF::open(absent).error().message,
            absent + ": No such file or directory, expected a readable file");
  EXPECT_EQ(GGUF::open(directory.path()).error().message,
            directory.path() + ": not a regular file, expected one");
}

TEST(GGUF, quote) {
  EXPECT_EQ(quote("a'b\\\n\x7f"), "'a\\'b\\\\\\x0a\\x7f'");
  EXPECT_EQ(quote(std::string(101, 'a')), "'" + std::string(100, 'a') + "...'");
}

} // namespace
