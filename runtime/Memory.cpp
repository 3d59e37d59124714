//===- Memory.cpp - Memory that generated code writes to ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Memory.h"

#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mica;

uint64_t mica::pageSize() {
  static const auto size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

static Error failure(const char *action, const char *what, uint64_t size) {
  return Error{"memory: cannot " + std::string(action) + " " + what + " of " +
               std::to_string(size) + " bytes: " + std::strerror(errno)};
}

Expected<Memory> Memory::create(uint64_t size, bool guarded, const char *what) {
  uint64_t page = pageSize(), usable = (size + page - 1) / page * page;
  bool huge = !guarded && usable >= kHugePage;
  uint64_t extra = guarded ? 2 * page : huge ? kHugePage : 0;
  Memory memory;
  memory.guarded = guarded;
  memory.bytes = size;
  memory.mapped = usable + extra;
  if (usable < size || memory.mapped < usable)
    return Error{"memory: " + std::string(what) + " of " +
                 std::to_string(size) + " bytes is too large"};
  if (!memory.mapped)
    return memory;
  void *map =
      mmap(nullptr, memory.mapped, guarded ? PROT_NONE : PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED)
    return failure("map", what, size);
  memory.map = memory.base = static_cast<uint8_t *>(map);
  if (guarded) {
    memory.base += page;
    if (usable && mprotect(memory.base, usable, PROT_READ | PROT_WRITE))
      return failure("open", what, size);
  }
  if (huge) {
    memory.base += -reinterpret_cast<uintptr_t>(map) % kHugePage;
    madvise(memory.base, usable, MADV_HUGEPAGE); // Where there are such.
  }
  return memory;
}

Memory::~Memory() {
  if (map)
    munmap(map, mapped);
}

uint8_t *Memory::place(uint64_t size, uint64_t alignment) const {
  assert(size <= bytes && alignment <= pageSize() && "outside this memory");
  if (!guarded)
    return base;
  uint64_t aligned = (size + alignment - 1) / alignment * alignment;
  return map + mapped - pageSize() - aligned;
}

void Memory::swap(Memory &other) noexcept {
  std::swap(map, other.map);
  std::swap(mapped, other.mapped);
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  std::swap(guarded, other.guarded);
}

bool mica::guardRequested() {
  const char *value = std::getenv("MICA_GUARD");
  return value && std::strcmp(value, "1") == 0;
}
