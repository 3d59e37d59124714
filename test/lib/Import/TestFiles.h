//===- TestFiles.h - Small checkpoints that tests write ---------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_LIB_IMPORT_TESTFILES_H
#define TEST_LIB_IMPORT_TESTFILES_H

#include "lib/Import/Checkpoint.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace mica::test {

/// Bytes of a file in the making.
struct Bytes {
  std::string text;

  template <class T> Bytes &put(T value) {
    text.append(reinterpret_cast<const char *>(&value), sizeof(T));
    return *this;
  }
  /// A GGUF string: a 64-bit length and the characters.
  Bytes &string(std::string_view value) {
    put(uint64_t(value.size()));
    text += value;
    return *this;
  }
};

inline std::span<const std::byte> asBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte *>(text.data()), text.size()};
}

inline Expected<GGUF> parseGGUF(std::string_view text) {
  return GGUF::parse(MappedFile::borrow("m.gguf", asBytes(text)));
}

/// The error of a GGUF file that must not be read.
inline std::string errorOfGGUF(std::string_view text) {
  Expected<GGUF> gguf = parseGGUF(text);
  return gguf ? "no error" : gguf.error().message;
}

/// Builds a GGUF file; metadata and tensors come out in the order added.
class GGUFWriter {
public:
  uint32_t magic = 0x46554747, version = 3;
  /// What the header says beyond what was added.
  uint64_t extraValues = 0, extraTensors = 0;

  void integer(std::string_view key, uint32_t value) {
    values.string(key).put(uint32_t(4)).put(value);
    ++valueCount;
  }
  void number(std::string_view key, float value) {
    values.string(key).put(uint32_t(6)).put(value);
    ++valueCount;
  }
  void text(std::string_view key, std::string_view value) {
    values.string(key).put(uint32_t(8)).string(value);
    ++valueCount;
  }
  /// Any other value: its type and then its bytes.
  void raw(std::string_view key, uint32_t type, const Bytes &value) {
    values.string(key).put(type).text += value.text;
    ++valueCount;
  }
  /// `shape` is row-major. The offset is the next free one unless given.
  void tensor(std::string_view name, std::vector<uint64_t> shape, uint32_t type,
              size_t bytes, int64_t offset = -1) {
    infos.string(name).put(uint32_t(shape.size()));
    for (size_t i = shape.size(); i-- > 0;)
      infos.put(shape[i]);
    infos.put(type).put(uint64_t(offset < 0 ? data.size() : offset));
    data.resize((data.size() + bytes + 31) / 32 * 32, '\x3c');
    ++tensorCount;
  }
  /// F32 tensor of that shape.
  void floats(std::string_view name, std::vector<uint64_t> shape) {
    size_t count = 1;
    for (uint64_t size : shape)
      count *= size;
    tensor(name, shape, 0, 4 * count);
  }

  std::string file() const {
    Bytes all;
    all.put(magic).put(version);
    all.put(tensorCount + extraTensors).put(valueCount + extraValues);
    all.text += values.text + infos.text;
    all.text.resize((all.text.size() + 31) / 32 * 32);
    return all.text + data;
  }

private:
  Bytes values, infos;
  std::string data;
  uint64_t valueCount = 0, tensorCount = 0;
};

/// Builds a safetensors file.
class SafetensorsWriter {
public:
  nlohmann::ordered_json header = nlohmann::ordered_json::object();

  void floats(const std::string &name, const std::vector<int64_t> &shape) {
    int64_t count = 1;
    for (int64_t dimension : shape)
      count *= dimension;
    tensor(name, "F32", shape, std::string(4 * count, '\x3c'));
  }
  void tensor(const std::string &name, const std::string &dtype,
              const std::vector<int64_t> &shape, std::string_view bytes) {
    header[name] = {
        {"dtype", dtype},
        {"shape", shape},
        {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data += bytes;
  }
  std::string file() const {
    std::string text = header.dump();
    Bytes all;
    all.put(uint64_t(text.size())).text += text;
    return all.text + data;
  }

private:
  std::string data;
};

/// A directory that goes away with its test.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = ::testing::TempDir() + "/mica-import-XXXXXX";
    directory = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(directory); }

  const std::string &path() const { return directory; }
  std::string write(const std::string &name, std::string_view text) const {
    std::ofstream(directory + "/" + name, std::ios::binary) << text;
    return directory + "/" + name;
  }

private:
  std::string directory;
};

} // namespace mica::test

#endif // TEST_LIB_IMPORT_TESTFILES_H
