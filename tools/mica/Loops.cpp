//===- Loops.cpp - Loops that do one thing as fast as they can ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/CPUFeatures.h"
#include "tools/mica/Machine.h"

#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace mica;

namespace {

// What the loops compute goes here, so that they are not removed.
volatile uint64_t sink;
volatile float floatSink;

typedef uint64_t Line __attribute__((vector_size(64)));

// The distance of the prefetch that was best for plain streams (4 KB).
constexpr uint64_t kAhead = 4096;

/// Reads `size` bytes as `Streams` streams of whole lines.
#define MICA_READ_BODY                                                         \
  uint64_t part = size / Streams / 64 * 64;                                    \
  Line sums[Streams] = {};                                                     \
  for (uint64_t at = 0; at < part; at += 64)                                   \
    _Pragma("unroll") for (int s = 0; s < Streams; ++s) {                      \
      const uint8_t *line = data + s * part + at;                              \
      if (Prefetch)                                                            \
        __builtin_prefetch(line + kAhead, 0, 2);                               \
      sums[s] ^= *reinterpret_cast<const Line *>(line);                        \
    }                                                                          \
  uint64_t sum = 0;                                                            \
  for (const Line &line : sums)                                                \
    sum ^= line[0] ^ line[7];                                                  \
  sink = sum;                                                                  \
  return double(part) * Streams;

template <int Streams, bool Prefetch>
double readPlain(const uint8_t *data, uint64_t size) {
  MICA_READ_BODY
}

#if defined(__x86_64__)
template <int Streams, bool Prefetch>
__attribute__((target("avx2"))) double readAVX2(const uint8_t *data,
                                                uint64_t size) {
  MICA_READ_BODY
}

template <int Streams, bool Prefetch>
__attribute__((target("avx512f"))) double readAVX512(const uint8_t *data,
                                                     uint64_t size) {
  MICA_READ_BODY
}
#endif

template <int Streams, bool Prefetch> Loop readLoop() {
  Loop loop{"read " + std::to_string(Streams) + " stream" +
                (Streams > 1 ? "s" : "") + (Prefetch ? ", prefetch" : ""),
            readPlain<Streams, Prefetch>};
#if defined(__x86_64__)
  if (cpuHas("avx512f"))
    loop.run = readAVX512<Streams, Prefetch>;
  else if (cpuHas("avx2"))
    loop.run = readAVX2<Streams, Prefetch>;
#endif
  return loop;
}

template <int... Streams>
std::vector<Loop> allReadLoops(std::integer_sequence<int, Streams...>) {
  return {readLoop<Streams, false>()..., readLoop<Streams, true>()...};
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

// Enough independent sums to hide the latency of any of these instructions.
constexpr int kSums = 12;

/// Repeats an instruction on `kSums` sums; `size` is the number of operations.
#define MICA_DOT_LOOP(NAME, TARGET, VECTOR, ZERO, OPERATIONS, STEP)            \
  __attribute__((target(TARGET))) double NAME(const uint8_t *,                 \
                                              uint64_t size) {                 \
    VECTOR sums[kSums];                                                        \
    for (VECTOR &sum : sums)                                                   \
      sum = ZERO;                                                              \
    uint64_t rounds = size / (kSums * OPERATIONS) + 1;                         \
    for (uint64_t i = 0; i < rounds; ++i)                                      \
      _Pragma("unroll") for (int s = 0; s < kSums; ++s) {                      \
        VECTOR &sum = sums[s];                                                 \
        STEP;                                                                  \
        __asm__ volatile("" : "+v"(sum));                                      \
      }                                                                        \
    for (VECTOR &sum : sums)                                                   \
      floatSink = reinterpret_cast<const float &>(sum);                        \
    return double(rounds) * kSums * OPERATIONS;                                \
  }

#if defined(__x86_64__)

// Operands are zeros: no instruction here takes longer for other values.
MICA_DOT_LOOP(fmaAVX2, "avx2,fma", __m256, _mm256_setzero_ps(), 16,
              sum = _mm256_fmadd_ps(sum, sum, sum))
MICA_DOT_LOOP(fmaAVX512, "avx512f", __m512, _mm512_setzero_ps(), 32,
              sum = _mm512_fmadd_ps(sum, sum, sum))
MICA_DOT_LOOP(dotF16, "avx512fp16", __m512h, _mm512_setzero_ph(), 64,
              sum = _mm512_fmadd_ph(sum, sum, sum))
MICA_DOT_LOOP(dotBF16, "avx512bf16", __m512, _mm512_setzero_ps(), 64,
              sum = _mm512_dpbf16_ps(sum, (__m512bh)sum, (__m512bh)sum))
MICA_DOT_LOOP(dotVNNI512, "avx512vnni", __m512i, _mm512_setzero_si512(), 128,
              sum = _mm512_dpbusd_epi32(sum, sum, sum))
MICA_DOT_LOOP(dotVNNI256, "avxvnni,avx2", __m256i, _mm256_setzero_si256(), 64,
              sum = _mm256_dpbusd_avx_epi32(sum, sum, sum))
MICA_DOT_LOOP(dotMaddAVX2, "avx2", __m256i, _mm256_setzero_si256(), 64,
              sum = _mm256_add_epi32(
                  sum, _mm256_madd_epi16(_mm256_maddubs_epi16(sum, sum), sum)))

struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

#define MICA_TILE_LOOP(NAME, TARGET, OPERATIONS, DOT)                          \
  __attribute__((target(TARGET))) double NAME(const uint8_t *,                 \
                                              uint64_t size) {                 \
    TileConfig config;                                                         \
    _tile_loadconfig(&config);                                                 \
    _tile_zero(4), _tile_zero(5);                                              \
    uint64_t rounds = size / (4 * OPERATIONS) + 1;                             \
    for (uint64_t i = 0; i < rounds; ++i) {                                    \
      DOT(0, 4, 5);                                                            \
      DOT(1, 4, 5);                                                            \
      DOT(2, 4, 5);                                                            \
      DOT(3, 4, 5);                                                            \
    }                                                                          \
    _tile_release();                                                           \
    return double(rounds) * 4 * OPERATIONS;                                    \
  }

// 16 rows times 16 columns times 32 products of bf16, or 64 of bytes.
MICA_TILE_LOOP(tileBF16, "amx-tile,amx-bf16", 16384, _tile_dpbf16ps)
MICA_TILE_LOOP(tileI8, "amx-tile,amx-int8", 32768, _tile_dpbusd)

#endif

/// The loop for any CPU.
double fmaPlain(const uint8_t *, uint64_t size) {
  typedef float Vector __attribute__((vector_size(16)));
  Vector sums[kSums] = {};
  uint64_t rounds = size / (kSums * 8) + 1;
  for (uint64_t i = 0; i < rounds; ++i)
    for (Vector &sum : sums) {
      sum = sum * sum + sum;
      __asm__ volatile("" : "+m"(sum));
    }
  floatSink = sums[0][0];
  return double(rounds) * kSums * 8;
}

} // namespace

std::vector<Loop> mica::readLoops() {
  return allReadLoops(std::integer_sequence<int, 1, 2, 4, 8>());
}

std::vector<Loop> mica::dotLoops(std::string_view type) {
  std::vector<Loop> loops;
  auto add = [&](const char *feature, std::string_view of, const char *name,
                 double (*run)(const uint8_t *, uint64_t)) {
    if (type == of && cpuHas(feature))
      loops.push_back({name, run});
  };
#if defined(__x86_64__)
  add("amx-bf16", "bf16", "tdpbf16ps", tileBF16);
  add("amx-int8", "i8", "tdpbusd", tileI8);
  add("avx512bf16", "bf16", "vdpbf16ps zmm", dotBF16);
  add("avx512fp16", "f16", "vfmaddph zmm", dotF16);
  add("avx512vnni", "i8", "vpdpbusd zmm", dotVNNI512);
  add("avxvnni", "i8", "vpdpbusd ymm", dotVNNI256);
  if (type == "i8" && loops.empty())
    add("avx2", "i8", "vpmaddubsw ymm", dotMaddAVX2);
  // Any type can be converted; on some CPUs that is faster than vdpbf16ps.
  if (type != "i8" || loops.empty()) {
    type = "f32";
    add("avx512f", "f32", "vfmaddps zmm", fmaAVX512);
    if (cpuHas("fma"))
      add("avx2", "f32", "vfmaddps ymm", fmaAVX2);
  }
#endif
  if (loops.empty())
    loops.push_back({"f32 multiply and add", fmaPlain});
  return loops;
}
