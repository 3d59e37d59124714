//===- Memory.h - Memory that generated code writes to ----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_MEMORY_H
#define RUNTIME_MEMORY_H

#include "mica/Status.h"

#include <cstdint>

namespace mica {

/// The size of a huge page, which one entry of the address cache covers: on
/// long streams that is worth a fifth of the bandwidth.
inline constexpr uint64_t kHugePage = uint64_t(2) << 20;

/// The size of a page here: 4096 bytes on x86-64, up to 65,536 on AArch64.
uint64_t pageSize();

/// Zeroed memory that is counted only where it is touched, in huge pages if it
/// is large. When guarded, a page before it and a page after it cannot be
/// accessed.
class Memory {
public:
  Memory() = default;

  /// Maps at least `size` bytes. `what` names them in the error.
  static Expected<Memory> create(uint64_t size, bool guarded, const char *what);

  Memory(Memory &&other) noexcept { swap(other); }
  Memory &operator=(Memory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Memory();

  /// Where `size` bytes, at most those asked for, lie: at a multiple of
  /// `alignment` (a power of two, at most a page). When guarded, that is as
  /// near to the inaccessible page after them as the alignment allows.
  uint8_t *place(uint64_t size, uint64_t alignment = 64) const;

  uint64_t size() const { return bytes; }

private:
  void swap(Memory &other) noexcept;

  uint8_t *map = nullptr; // Guard pages included.
  uint64_t mapped = 0;
  uint8_t *base = nullptr; // The first byte that may be used.
  uint64_t bytes = 0;
  bool guarded = false;
};

/// Whether MICA_GUARD=1 stands in the environment.
bool guardRequested();

} // namespace mica

#endif // RUNTIME_MEMORY_H
