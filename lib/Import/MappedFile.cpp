//===- MappedFile.cpp - A file seen as bytes ------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mica;

static Error systemError(const std::string &path, const char *wanted) {
  return Error{path + ": " + std::strerror(errno) + ", expected " + wanted};
}

Expected<MappedFile> MappedFile::open(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return systemError(path, "a readable file");
  struct stat info;
  bool known = fstat(descriptor, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return known ? Error{path + ": not a regular file, expected one"}
                 : systemError(path, "a readable file");
  }
  MappedFile file;
  file.name = path;
  size_t size = info.st_size;
  if (size) {
    void *base = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (base == MAP_FAILED) {
      Error error = systemError(path, "a file that can be mapped");
      ::close(descriptor);
      return error;
    }
    file.mapping = std::shared_ptr<const void>(
        base, [size](const void *p) { munmap(const_cast<void *>(p), size); });
    file.view = {static_cast<const std::byte *>(base), size};
  }
  ::close(descriptor);
  return file;
}

MappedFile MappedFile::borrow(std::string path,
                              std::span<const std::byte> bytes) {
  MappedFile file;
  file.name = std::move(path);
  file.view = bytes;
  return file;
}

std::string mica::quote(std::string_view text) {
  constexpr size_t most = 100;
  static const char digits[] = "0123456789abcdef";
  std::string out = "'";
  for (char c : text.substr(0, most)) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20 || byte == 0x7f)
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else
      out += c;
  }
  return out + (text.size() > most ? "...'" : "'");
}
