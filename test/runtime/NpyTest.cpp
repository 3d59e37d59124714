//===- NpyTest.cpp - NumPy's file format, whole and damaged ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Npy.h"
#include "test/Damage.h"

#include "gtest/gtest.h"

#include <cstring>
#include <fstream>
#include <sstream>
#include <unistd.h>

using namespace mica;

namespace {

/// A file of version 1 with this dictionary and these values.
std::string file(std::string dictionary, std::vector<int32_t> values) {
  dictionary += std::string(64 - (11 + dictionary.size()) % 64, ' ') + "\n";
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += char(dictionary.size());
  bytes += char(dictionary.size() >> 8);
  bytes += dictionary;
  bytes.append(reinterpret_cast<const char *>(values.data()),
               values.size() * 4);
  return bytes;
}

const std::string kDictionary =
    "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }";

std::string parseError(const std::string &bytes) {
  auto array = parseNpy(bytes, "T.npy");
  return array ? "" : array.error().message;
}

TEST(Npy, Parse) {
  auto array = parseNpy(file(kDictionary, {1, 2, 3, -4, 5, 6}), "T.npy");
  ASSERT_TRUE(array) << array.error().message;
  EXPECT_EQ(array->shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(array->values, (std::vector<int32_t>{1, 2, 3, -4, 5, 6}));
  // Keys in another order, one dimension, none.
  EXPECT_EQ(parseError(file("{'shape':(3,),'descr':'<i4',"
                            "'fortran_order':False}",
                            {1, 2, 3})),
            "");
  EXPECT_EQ(parseError(file("{'shape':(),'descr':'<i4',"
                            "'fortran_order':False}",
                            {1})),
            "");
}

TEST(Npy, EveryTruncation) {
  std::string whole = file(kDictionary, {1, 2, 3, 4, 5, 6});
  for (size_t size = 0; size < whole.size(); ++size)
    ASSERT_NE(parseError(whole.substr(0, size)), "") << size;
}

TEST(Npy, EveryFlippedHeaderByte) {
  std::string whole = file(kDictionary, {1, 2, 3, 4, 5, 6});
  for (size_t i = 0; i < whole.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[i] ^= char(1 << bit);
      auto array = parseNpy(damaged, "T.npy");
      if (array)
        ASSERT_EQ(array->values.size(), 6u) << i;
    }
}

// Whole arrays and parts of large ones.
TEST(Npy, DamagedFiles) {
  std::string path =
      ::testing::TempDir() + "damaged-" + std::to_string(getpid()) + ".npy";
  std::string whole = file("{'descr': '<f4', 'fortran_order': False, "
                           "'shape': (1, 2, 3), }",
                           {1, 2, 3, 4, 5, 6});
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < test::kDamaged; ++i) {
    std::string bytes = test::damaged(whole, random);
    (void)parseNpy(bytes, "T.npy");
    std::ofstream(path, std::ios::binary) << bytes;
    auto reader = NpyReader::open(path);
    auto array = parseFloatNpy(bytes, "T.npy");
    EXPECT_LE(bool(array), bool(reader));
    if (!reader) {
      ++refused;
      EXPECT_EQ(reader.error().message.find('\n'), std::string::npos);
      continue;
    }
    std::vector<float> values(6);
    for (uint64_t at : {uint64_t(0), uint64_t(5), ~uint64_t(0) / 4})
      if (Status status = reader->read(at, values); !status)
        EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
  }
  unlink(path.c_str());
  EXPECT_GT(refused, test::kDamaged / 4);
}

TEST(Npy, Errors) {
  auto with = [](const char *descr, const char *order, const char *shape) {
    return parseError(file(std::string("{'descr': '") + descr +
                               "', 'fortran_order': " + order +
                               ", 'shape': " + shape + ", }",
                           {1, 2, 3, 4, 5, 6}));
  };
  EXPECT_EQ(with("<i4", "False", "(2, 3)"), "");
  EXPECT_EQ(with("<i8", "False", "(2, 3)"),
            "T.npy: descr is '<i8', expected '<i4'");
  EXPECT_EQ(with("<i4", "True", "(2, 3)"),
            "T.npy: fortran_order is True, expected False");
  EXPECT_EQ(with("<i4", "False", "(2, 4)"),
            "T.npy: data has 24 bytes, expected 32");
  EXPECT_EQ(with("<i4", "False", "(1099511627776, 1099511627776)"),
            "T.npy: shape is too large, expected its values to fit");
  std::string malformed = "T.npy: header dictionary is malformed, expected "
                          "descr, fortran_order and shape";
  EXPECT_EQ(with("<i4", "False", "(2, -3)"), malformed);
  EXPECT_EQ(with("<i4", "False", "(99999999999999999999,)"), malformed);
  EXPECT_EQ(with("<i4", "Maybe", "(2, 3)"), malformed);
  EXPECT_EQ(parseError(file("{'descr': '<i4'}", {})), malformed);
  EXPECT_EQ(parseError(file("{'descr': '<i4', 'descr': '<i4'}", {})),
            malformed);
  EXPECT_EQ(parseError("not a file"),
            "T.npy: header is no .npy header, expected version 1, 2 or 3 of "
            "it");
}

TEST(Npy, Floats) {
  auto with = [](const char *descr, std::vector<int32_t> words) {
    return parseFloatNpy(file(std::string("{'descr': '") + descr +
                                  "', 'fortran_order': False, 'shape': (2,), }",
                              std::move(words)),
                         "L.npy");
  };
  std::vector<float> wanted = {1.5f, -2};
  for (auto &array : {with("<f4", {0x3fc00000, int32_t(0xc0000000)}),
                      with("<f8", {0, 0x3ff80000, 0, int32_t(0xc0000000)}),
                      with("<f2", {int32_t(0xc0003e00)})}) {
    ASSERT_TRUE(array) << array.error().message;
    EXPECT_EQ(array->values, wanted);
  }
  EXPECT_EQ(with("<i4", {1, 2}).error().message,
            "L.npy: descr is '<i4', expected '<f4' or '<f8' or '<f2'");
  EXPECT_EQ(with("<f8", {1, 2}).error().message,
            "L.npy: data has 8 bytes, expected 16");
}

TEST(Npy, Write) {
  std::string path =
      ::testing::TempDir() + "npy-" + std::to_string(getpid()) + ".npy";
  uint64_t shape[] = {2, 2};
  {
    auto writer = NpyWriter::create(path, shape);
    ASSERT_TRUE(writer) << writer.error().message;
    std::vector<float> second = {3, 4}, first = {1, 2};
    ASSERT_TRUE(writer->write(2, second));
    ASSERT_TRUE(writer->write(0, first));
    ASSERT_TRUE(writer->commit());
  }
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  std::string bytes = out.str();
  unlink(path.c_str());
  ASSERT_EQ(bytes.size(), 128u + 16);
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_TRUE(bytes.substr(10).starts_with(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,2,), }"));
  EXPECT_EQ(bytes[127], '\n');
  float values[4];
  std::memcpy(values, bytes.data() + 128, 16);
  EXPECT_EQ(std::vector<float>(values, values + 4),
            (std::vector<float>{1, 2, 3, 4}));
}

TEST(Npy, ReadParts) {
  std::string path =
      ::testing::TempDir() + "parts-" + std::to_string(::getpid()) + ".npy";
  uint64_t shape[] = {2, 3};
  auto writer = NpyWriter::create(path, shape);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->write(0, std::vector<float>{0, 1, 2, 3, 4, 5}));
  ASSERT_TRUE(writer->commit());
  auto reader = NpyReader::open(path);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->shape(), (std::vector<uint64_t>{2, 3}));
  std::vector<float> part(2);
  for (uint64_t at : {3, 0, 4}) {
    ASSERT_TRUE(reader->read(at, part));
    EXPECT_EQ(part, (std::vector<float>{float(at), float(at) + 1}));
  }
  EXPECT_EQ(reader->read(5, part).error().message,
            path + ": cannot read 2 values at 5");
  // Damaged in any way, it is refused before anything is read.
  std::ostringstream whole;
  whole << std::ifstream(path, std::ios::binary).rdbuf();
  for (size_t size = 0; size < whole.str().size(); ++size) {
    std::ofstream(path, std::ios::binary) << whole.str().substr(0, size);
    ASSERT_FALSE(NpyReader::open(path)) << size;
  }
  std::ofstream(path, std::ios::binary)
      << file(kDictionary, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(NpyReader::open(path).error().message,
            path + ": descr is '<i4', expected '<f4'");
  ::unlink(path.c_str());
  EXPECT_EQ(NpyReader::open(path).error().message,
            path + ": cannot open: No such file or directory");
}

} // namespace
