//===- Random.h - Reproducible random numbers -------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_RANDOM_H
#define RUNTIME_RANDOM_H

#include <cstdint>

namespace mica {

/// SplitMix64: a counter that steps by an odd constant, and a mixing function
/// of it. The same seed gives the same numbers on every machine.
///
///   state += 0x9e3779b97f4a7c15
///   z = (state ^ state >> 30) * 0xbf58476d1ce4e5b9
///   z = (z ^ z >> 27) * 0x94d049bb133111eb
///   number = z ^ z >> 31
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }

  /// A multiple of 2^-53 in [0, 1).
  double uniform() { return double(next() >> 11) * 0x1p-53; }

  /// The seed of a generator that would go on like this one.
  uint64_t position() const { return state; }

  /// A number below `bound`, which must not be 0.
  uint64_t below(uint64_t bound) { return next() % bound; }

private:
  uint64_t state;
};

} // namespace mica

#endif // RUNTIME_RANDOM_H
