//===- OutputFile.h - A file that appears whole or not at all ---*- C++ -*-===//
//
// Everything that Mica writes goes to a temporary name beside its destination
// and is renamed when it is complete.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_ARTIFACT_OUTPUTFILE_H
#define LIB_ARTIFACT_OUTPUTFILE_H

#include "mica/Status.h"

#include <cstdint>
#include <string>

namespace mica {

/// A file being written as `<path>.tmp.<pid>`. Destroyed without `commit`, or
/// ended by SIGINT, SIGTERM or SIGHUP, it removes the temporary file.
class OutputFile {
public:
  /// An error if there is something at `path` that is no regular file.
  static Expected<OutputFile> create(const std::string &path);
  OutputFile(OutputFile &&other);
  OutputFile &operator=(OutputFile &&other);
  ~OutputFile();

  /// Appends `size` bytes. They go out in large aligned pieces, for which the
  /// page cache uses huge pages.
  Status write(const void *data, uint64_t size);

  /// Writes `size` bytes at `offset`; the place of `write` is unchanged.
  Status writeAt(uint64_t offset, const void *data, uint64_t size);

  /// Whoever may read the file may also run it.
  Status makeExecutable();

  /// Makes the file durable and gives it its name.
  Status commit();

  /// Bytes appended so far.
  uint64_t position() const { return offset; }
  const std::string &destination() const { return path; }

private:
  OutputFile() = default;
  Error failure(const char *action) const;
  Status flush();
  Status put(uint64_t offset, const void *data, uint64_t size);
  void discard();

  std::string path, temporary;
  std::string pending; // The last bytes appended, not yet written.
  uint64_t offset = 0; // Bytes appended, `pending` included.
  int fd = -1;
  int guard = -1; // The entry in the list that signal handlers read.
};

/// Writes `size` bytes to `path`, all or nothing.
Status writeFile(const std::string &path, const void *data, uint64_t size);

} // namespace mica

#endif // LIB_ARTIFACT_OUTPUTFILE_H
