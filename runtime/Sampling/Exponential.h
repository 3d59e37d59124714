//===- Exponential.h - e^x that vectorises ----------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_EXPONENTIAL_H
#define RUNTIME_SAMPLING_EXPONENTIAL_H

#include <bit>
#include <cstdint>

namespace mica {

/// e^x for x <= 0, -infinity too, within 2^-22 of its value; 0 below -87. No
/// branch and no call, so that a loop over a vocabulary is a loop of vectors.
inline float exponential(float x) {
  float bounded = x < -87 ? -87 : x;
  // x = n log 2 + rest with |rest| <= log(2) / 2; log 2 in two parts, of which
  // n times the first is exact.
  auto n = int32_t(bounded * 1.44269504f - 0.5f);
  float rest = bounded - float(n) * 0.693359375f + float(n) * 2.12194440e-4f;
  // Taylor's series: the first term left out is rest^8 / 8! < 6e-9.
  float sum = 1.f / 5040;
  sum = sum * rest + 1.f / 720;
  sum = sum * rest + 1.f / 120;
  sum = sum * rest + 1.f / 24;
  sum = sum * rest + 1.f / 6;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1;
  sum = sum * rest + 1;
  float scaled = sum * std::bit_cast<float>((n + 127) << 23);
  return x < -87 ? 0 : scaled;
}

} // namespace mica

#endif // RUNTIME_SAMPLING_EXPONENTIAL_H
