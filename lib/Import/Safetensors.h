//===- Safetensors.h - Reader of safetensors files --------------*- C++ -*-===//
//
// One file: an 8-byte length, a JSON header of that length, then the tensors'
// bytes without gaps. All of it is checked when the file is opened.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_SAFETENSORS_H
#define LIB_IMPORT_SAFETENSORS_H

#include "lib/Format/Format.h"
#include "lib/Import/MappedFile.h"

#include <vector>

namespace mica {

/// An open safetensors file. Spans live as long as the object or a copy of it.
class Safetensors {
public:
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape; ///< row-major; empty for a scalar
    const Format *format;       ///< null for a dtype that holds no weights
    std::span<const std::byte> data;
  };

  static Expected<Safetensors> open(const std::string &path);
  static Expected<Safetensors> parse(MappedFile file);

  const std::string &path() const { return file.path(); }
  /// The whole file.
  std::span<const std::byte> bytes() const { return file.bytes(); }

  /// In the order of their names.
  const std::vector<Tensor> &tensors() const { return directory; }

private:
  MappedFile file;
  std::vector<Tensor> directory;
};

} // namespace mica

#endif // LIB_IMPORT_SAFETENSORS_H
