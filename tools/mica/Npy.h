//===- Npy.h - Arrays in NumPy's file format --------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_NPY_H
#define TOOLS_MICA_NPY_H

#include "lib/Artifact/OutputFile.h"
#include "mica/Status.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// An array of 32-bit integers, the last dimension fastest.
struct IntArray {
  std::vector<uint64_t> shape;
  std::vector<int32_t> values;
};

/// The same of floats.
struct FloatArray {
  std::vector<uint64_t> shape;
  std::vector<float> values;
};

/// Reads the bytes of a .npy file of little-endian int32 in C order. `file`
/// begins every error.
Expected<IntArray> parseNpy(std::string_view bytes, const std::string &file);

/// The same of little-endian float16, float32 or float64.
Expected<FloatArray> parseFloatNpy(std::string_view bytes,
                                   const std::string &file);

/// Reads parts of a file of float32, which may be larger than memory.
class NpyReader {
public:
  static Expected<NpyReader> open(const std::string &path);

  const std::vector<uint64_t> &shape() const { return extents; }

  /// Reads values from the flat index `at` on.
  Status read(uint64_t at, std::span<float> values);

private:
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };

  std::string path;
  std::unique_ptr<std::FILE, Close> file;
  std::vector<uint64_t> extents;
  uint64_t header = 0; // Bytes before the first value.
};

/// Writes an array of float32 whose parts come in any order. The file gets its
/// name when `commit` is called, after every part was written.
class NpyWriter {
public:
  static Expected<NpyWriter> create(const std::string &path,
                                    std::span<const uint64_t> shape);

  /// Writes values from the flat index `at` on.
  Status write(uint64_t at, std::span<const float> values);
  Status commit() { return file.commit(); }

private:
  NpyWriter(OutputFile file, uint64_t header)
      : file(std::move(file)), header(header) {}

  OutputFile file;
  uint64_t header; // Bytes before the first value.
};

} // namespace mica

#endif // TOOLS_MICA_NPY_H
