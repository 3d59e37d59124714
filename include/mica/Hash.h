//===- Hash.h - The checksum of artifacts -----------------------*- C++ -*-===//
//
// A 64-bit checksum against corruption, not against malice. Bytes are read as
// little-endian words of 8, four lanes at a time, so that it runs at memory
// speed; it can be fed in pieces of any size.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef MICA_HASH_H
#define MICA_HASH_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mica {

/// Feeds bytes in pieces; `finish` gives the hash of all of them in order.
class Hasher {
public:
  void update(const void *data, size_t size) {
    auto *bytes = static_cast<const unsigned char *>(data);
    total += size;
    while (size) {
      if (!pending)
        while (size >= sizeof(block)) {
          absorb(bytes);
          bytes += sizeof(block), size -= sizeof(block);
        }
      size_t take = sizeof(block) - pending < size ? sizeof(block) - pending
                                                   : size;
      if (take)
        std::memcpy(block + pending, bytes, take);
      pending += take, bytes += take, size -= take;
      if (pending == sizeof(block))
        absorb(block), pending = 0;
    }
  }

  uint64_t finish() {
    std::memset(block + pending, 0, sizeof(block) - pending);
    if (pending)
      absorb(block);
    uint64_t h = total;
    for (uint64_t lane : lanes)
      h = mix(h ^ lane);
    return h;
  }

private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 32)) * 0x9e3779b97f4a7c15u;
    return (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  }
  void absorb(const unsigned char *bytes) {
    for (size_t i = 0; i < 4; ++i) {
      uint64_t word;
      std::memcpy(&word, bytes + 8 * i, 8);
      lanes[i] = (std::rotl(lanes[i], 27) ^ word) * 0x9e3779b97f4a7c15u;
    }
  }

  uint64_t lanes[4] = {1, 2, 3, 4}, total = 0;
  unsigned char block[32];
  size_t pending = 0;
};

/// The hash of `size` bytes at `data`.
inline uint64_t hashBytes(const void *data, size_t size) {
  Hasher hasher;
  hasher.update(data, size);
  return hasher.finish();
}

} // namespace mica

#endif // MICA_HASH_H
