//===- GGUF.h - Reader of GGUF files ----------------------------*- C++ -*-===//
//
// Reads little-endian GGUF version 3. Everything is checked when the file is
// opened: every length against the file, every tensor's place against the
// others. After that, views into the mapping are safe to read.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_GGUF_H
#define LIB_IMPORT_GGUF_H

#include "lib/Format/Format.h"
#include "lib/Import/MappedFile.h"

#include <cstring>
#include <functional>
#include <map>
#include <vector>

namespace mica {

/// Numbers of type T in a mapping, at any alignment.
template <class T> class UnalignedArray {
public:
  UnalignedArray() = default;
  UnalignedArray(const std::byte *data, size_t count)
      : data(data), count(count) {}

  size_t size() const { return count; }
  bool empty() const { return count == 0; }
  T operator[](size_t i) const {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    return value;
  }

private:
  const std::byte *data = nullptr;
  size_t count = 0;
};

/// An open GGUF file. Views (`string_view`, arrays, spans) live as long as the
/// object or a copy of it; copies share the mapping.
class GGUF {
public:
  /// The types of metadata values, numbered as in the file.
  enum class Type : uint32_t {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64
  };

  struct Tensor {
    std::string_view name;
    std::vector<int64_t> shape; ///< row-major: GGUF's dimensions, last first
    const Format *format;       ///< a row of `formatTable`
    std::span<const std::byte> data;
  };

  static Expected<GGUF> open(const std::string &path);
  static Expected<GGUF> parse(MappedFile file);

  const std::string &path() const { return file.path(); }
  /// The whole file.
  std::span<const std::byte> bytes() const { return file.bytes(); }
  bool contains(std::string_view key) const { return values.count(key); }

  /// The value of a key, of any integer type that fits in int64_t; F32 or F64;
  /// Bool; String. An error names the key and the type found.
  Expected<int64_t> getInt(std::string_view key) const;
  Expected<double> getFloat(std::string_view key) const;
  Expected<bool> getBool(std::string_view key) const;
  Expected<std::string_view> getString(std::string_view key) const;

  /// Arrays. Strings are found by one walk over the array; the floats are F32.
  Expected<std::vector<std::string_view>>
  getStrings(std::string_view key) const;
  Expected<UnalignedArray<float>> getFloats(std::string_view key) const;
  /// Of any integer type (Bool included), widened.
  Expected<std::vector<int64_t>> getInts(std::string_view key) const;
  bool isArray(std::string_view key) const;

  /// In the order of the file.
  const std::vector<Tensor> &tensors() const { return directory; }

private:
  struct Value {
    Type type; ///< of the elements for an array
    bool array;
    uint64_t count;                  ///< 1 for a scalar
    std::span<const std::byte> data; ///< numbers, or strings with lengths
  };
  friend class GGUFParser;

  Error wrongType(std::string_view key, const char *wanted) const;
  const Value *lookup(std::string_view key) const;

  MappedFile file;
  std::map<std::string_view, Value, std::less<>> values;
  std::vector<Tensor> directory;
};

} // namespace mica

#endif // LIB_IMPORT_GGUF_H
