//===- HostImage.cpp - Run generated code while compiling -----------------===//

#include "lib/Target/CPU/HostImage.h"
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

using namespace mica;

Expected<HostImage> HostImage::map(const FlatImage &image) {
  HostImage host;
  size_t size = image.bytes.empty() ? 1 : image.bytes.size();
  void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return Error{std::string("mapping code: ") + std::strerror(errno)};
  host.base = static_cast<char *>(memory);
  host.size = size;
  host.symbols = image.symbols;
  std::memcpy(memory, image.bytes.data(), image.bytes.size());
  // Not every CPU fetches instructions from where data is written.
  __builtin___clear_cache(host.base, host.base + size);
  if (mprotect(memory, size, PROT_READ | PROT_EXEC))
    return Error{std::string("making code executable: ") +
                 std::strerror(errno)};
  return host;
}

HostImage::HostImage(HostImage &&other) noexcept { *this = std::move(other); }

HostImage &HostImage::operator=(HostImage &&other) noexcept {
  std::swap(base, other.base);
  std::swap(size, other.size);
  std::swap(symbols, other.symbols);
  return *this;
}

HostImage::~HostImage() {
  if (base)
    munmap(base, size);
}
