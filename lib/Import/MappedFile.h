//===- MappedFile.h - A file seen as bytes ----------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_MAPPEDFILE_H
#define LIB_IMPORT_MAPPEDFILE_H

#include "mica/Status.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mica {

/// A read-only mapping of a whole file, or bytes lent by the caller. Copies
/// share the mapping. Shortening a file while it is mapped is not defended
/// against.
class MappedFile {
public:
  /// Fails where the path is not a readable regular file.
  static Expected<MappedFile> open(const std::string &path);

  /// Bytes that outlive this object, called `path` in messages.
  static MappedFile borrow(std::string path, std::span<const std::byte> bytes);

  const std::string &path() const { return name; }
  std::span<const std::byte> bytes() const { return view; }

private:
  std::string name;
  std::span<const std::byte> view;
  std::shared_ptr<const void> mapping;
};

/// Text from a file as it may stand in a one-line message: in single quotes,
/// control characters and quotes escaped, at most about 100 characters.
std::string quote(std::string_view text);

} // namespace mica

#endif // LIB_IMPORT_MAPPEDFILE_H
