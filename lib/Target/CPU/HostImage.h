//===- HostImage.h - Run generated code while compiling ---------*- C++ -*-===//

#ifndef LIB_TARGET_CPU_HOSTIMAGE_H
#define LIB_TARGET_CPU_HOSTIMAGE_H

#include "lib/Target/CPU/FlatImage.h"
#include <cstddef>

namespace mica {

/// An image mapped executable in this process (packing weights runs so).
class HostImage {
public:
  static Expected<HostImage> map(const FlatImage &image);

  HostImage(HostImage &&other) noexcept;
  HostImage &operator=(HostImage &&other) noexcept;
  ~HostImage();

  /// The function `name`, or null. The caller knows its type.
  template <class Function> Function *find(const std::string &name) const {
    auto it = symbols.find(name);
    if (it == symbols.end())
      return nullptr;
    return reinterpret_cast<Function *>(base + it->second);
  }

private:
  HostImage() = default;

  char *base = nullptr;
  size_t size = 0;
  std::map<std::string, uint64_t> symbols;
};

} // namespace mica

#endif // LIB_TARGET_CPU_HOSTIMAGE_H
