//===- Loops.cpp - Loops that do one thing as fast as they can ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/CPUFeatures.h"
#include "tools/mica/Machine.h"

#include <algorithm>
#include <iterator>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstring>

using namespace mica;

namespace {

// What the loops compute goes here, so that they are not removed.
thread_local volatile uint64_t sink;
thread_local volatile float floatSink;

typedef uint64_t Line __attribute__((vector_size(64)));

/// Reads `size` bytes as `Streams` streams of whole lines, each line asked for
/// `Ahead` bytes before (0: not).
#define MICA_READ_BODY                                                         \
  uint64_t part = size / Streams / 64 * 64;                                    \
  Line sums[Streams] = {};                                                     \
  for (uint64_t at = 0; at < part; at += 64)                                   \
    _Pragma("unroll") for (int s = 0; s < Streams; ++s) {                      \
      const uint8_t *line = data + s * part + at;                              \
      if (Ahead)                                                               \
        __builtin_prefetch(line + Ahead, 0, 2);                                \
      sums[s] ^= *reinterpret_cast<const Line *>(line);                        \
    }                                                                          \
  uint64_t sum = 0;                                                            \
  for (const Line &line : sums)                                                \
    sum ^= line[0] ^ line[7];                                                  \
  sink = sum;                                                                  \
  return double(part) * Streams;

template <int Streams, int Ahead>
double readPlain(const uint8_t *data, uint64_t size) {
  MICA_READ_BODY
}

#if defined(__x86_64__)
template <int Streams, int Ahead>
__attribute__((target("avx2"))) double readAVX2(const uint8_t *data,
                                                uint64_t size) {
  MICA_READ_BODY
}

template <int Streams, int Ahead>
__attribute__((target("avx512f"))) double readAVX512(const uint8_t *data,
                                                     uint64_t size) {
  MICA_READ_BODY
}
#endif

template <int Streams, int Ahead> Loop readLoop() {
  Loop loop{"read " + std::to_string(Streams) + " stream" +
                (Streams > 1 ? "s" : "") +
                (Ahead ? ", " + std::to_string(Ahead) + " bytes ahead" : ""),
            readPlain<Streams, Ahead>};
#if defined(__x86_64__)
  if (cpuHas("avx512f"))
    loop.run = readAVX512<Streams, Ahead>;
  else if (cpuHas("avx2"))
    loop.run = readAVX2<Streams, Ahead>;
#endif
  return loop;
}

template <int... Streams>
std::vector<Loop> allReadLoops(std::integer_sequence<int, Streams...>) {
  return {readLoop<Streams, 0>()..., readLoop<Streams, 512>()...,
          readLoop<Streams, 4096>()...};
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

// Enough independent sums to hide the latency of any of these instructions.
constexpr uint64_t kSums = 12;

/// A tile register full of pseudo-random numbers in [0.5, 1), of either sign,
/// as elements of type `Bits` whose sign, exponent and first bit of fraction
/// are those of `half` but for the sign. What a processor multiplies decides
/// how much power it draws: with zeros its clock is up to a quarter higher.
template <typename Bits> struct alignas(64) Operand {
  Bits elements[1024 / sizeof(Bits)];

  Operand(Bits half, int fractionBits, uint32_t seed) {
    constexpr int signBit = 8 * sizeof(Bits) - 1;
    for (Bits &element : elements) {
      seed =
          seed * 1664525 + 1013904223; // Numerical Recipes, "quick and dirty"
      element = half | Bits(seed >> 31) << signBit |
                (Bits(seed >> 4) & ((Bits(1) << fractionBits) - 1));
    }
  }
};

const Operand<uint32_t> operandsF32[] = {{0x3f000000, 23, 1},
                                         {0x3f000000, 23, 2}};
const Operand<uint16_t> operandsF16[] = {{0x3800, 10, 1}, {0x3800, 10, 2}};
const Operand<uint16_t> operandsBF16[] = {
    {0x3f00, 7, 1}, {0x3f00, 7, 2}, {0x3f00, 7, 3}, {0x3f00, 7, 4},
    {0x3f00, 7, 5}, {0x3f00, 7, 6}, {0x3f00, 7, 7}, {0x3f00, 7, 8}};
const Operand<uint8_t> operandsI8[] = {{0, 7, 1}, {0, 7, 2}, {0, 7, 3},
                                       {0, 7, 4}, {0, 7, 5}, {0, 7, 6},
                                       {0, 7, 7}, {0, 7, 8}};

/// Repeats an instruction on `kSums` sums; `size` is the number of operations.
#define MICA_DOT_LOOP(NAME, TARGET, VECTOR, OPERANDS, OPERATIONS, STEP)        \
  __attribute__((target(TARGET))) double NAME(const uint8_t *,                 \
                                              uint64_t size) {                 \
    VECTOR a, b, sums[kSums];                                                  \
    std::memcpy(&a, &OPERANDS[0], sizeof(a));                                  \
    std::memcpy(&b, &OPERANDS[1], sizeof(b));                                  \
    std::memset(sums, 0, sizeof(sums));                                        \
    uint64_t rounds = size / (kSums * OPERATIONS) + 1;                         \
    for (uint64_t i = 0; i < rounds; ++i)                                      \
      _Pragma("unroll") for (uint64_t s = 0; s < kSums; ++s) {                 \
        VECTOR &sum = sums[s];                                                 \
        STEP;                                                                  \
        __asm__ volatile("" : "+v"(sum));                                      \
      }                                                                        \
    for (VECTOR &sum : sums)                                                   \
      floatSink = reinterpret_cast<const float &>(sum);                        \
    return double(rounds) * kSums * OPERATIONS;                                \
  }

#if defined(__x86_64__)

MICA_DOT_LOOP(fmaAVX, "fma", __m256, operandsF32, 16,
              sum = _mm256_fmadd_ps(a, b, sum))
MICA_DOT_LOOP(fmaAVX512, "avx512f", __m512, operandsF32, 32,
              sum = _mm512_fmadd_ps(a, b, sum))
MICA_DOT_LOOP(dotF16, "avx512fp16", __m512h, operandsF16, 64,
              sum = _mm512_fmadd_ph(a, b, sum))
MICA_DOT_LOOP(dotBF16, "avx512bf16", __m512, operandsBF16, 64,
              sum = _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b))
MICA_DOT_LOOP(dotVNNI512, "avx512vnni", __m512i, operandsI8, 128,
              sum = _mm512_dpbusd_epi32(sum, a, b))
MICA_DOT_LOOP(dotVNNI256, "avxvnni,avx2", __m256i, operandsI8, 64,
              sum = _mm256_dpbusd_avx_epi32(sum, a, b))
// Codes of 8 bits: two products of unsigned with signed bytes would not fit 16
// bits, so the sign of one moves over to the other.
MICA_DOT_LOOP(dotSignAVX2, "avx2", __m256i, operandsI8, 64,
              sum = _mm256_add_epi32(
                  sum,
                  _mm256_madd_epi16(
                      _mm256_maddubs_epi16(a, _mm256_sign_epi8(sum, b)), b)))

/// Codes so small that `Fit` sums of two products fit 16 bits.
template <int Fit>
__attribute__((target("avx2"))) double dotNarrowAVX2(const uint8_t *,
                                                     uint64_t size) {
  __m256i a, b, sums[kSums] = {};
  std::memcpy(&a, &operandsI8[0], sizeof(a));
  std::memcpy(&b, &operandsI8[1], sizeof(b));
  constexpr uint64_t operations = kSums * Fit * 64;
  uint64_t rounds = size / operations + 1;
  for (uint64_t i = 0; i < rounds; ++i)
    _Pragma("unroll") for (__m256i &sum : sums) {
      __m256i narrow = _mm256_maddubs_epi16(a, sum);
      _Pragma("unroll") for (int step = 1; step < Fit; ++step) {
        __asm__ volatile("" : "+x"(a));
        narrow = _mm256_add_epi16(narrow, _mm256_maddubs_epi16(a, b));
      }
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(narrow, b));
      __asm__ volatile("" : "+x"(sum));
    }
  for (__m256i &sum : sums)
    floatSink = reinterpret_cast<const float &>(sum);
  return double(rounds) * operations;
}

struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Two times two tiles, loaded anew each time: the same ones again would draw
// less power than any product of matrices.
#define MICA_TILE_LOOP(NAME, TARGET, OPERANDS, OPERATIONS, DOT)                \
  __attribute__((target(TARGET))) double NAME(const uint8_t *,                 \
                                              uint64_t size) {                 \
    TileConfig config;                                                         \
    _tile_loadconfig(&config);                                                 \
    _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);                \
    uint64_t rounds = size / (uint64_t(4) * OPERATIONS) + 1;                   \
    for (uint64_t i = 0; i < rounds; ++i) {                                    \
      const auto *operands = &OPERANDS[i % 2 * 4];                             \
      _tile_loadd(4, operands, 64);                                            \
      _tile_loadd(5, operands + 1, 64);                                        \
      _tile_loadd(6, operands + 2, 64);                                        \
      _tile_loadd(7, operands + 3, 64);                                        \
      DOT(0, 4, 6);                                                            \
      DOT(1, 4, 7);                                                            \
      DOT(2, 5, 6);                                                            \
      DOT(3, 5, 7);                                                            \
    }                                                                          \
    _tile_release();                                                           \
    return double(rounds) * 4 * OPERATIONS;                                    \
  }

// 16 rows times 16 columns times 32 products of bf16, or 64 of bytes.
MICA_TILE_LOOP(tileBF16, "amx-tile,amx-bf16", operandsBF16, 16384,
               _tile_dpbf16ps)
MICA_TILE_LOOP(tileI8, "amx-tile,amx-int8", operandsI8, 32768, _tile_dpbusd)

/// Sums over groups of `Depth` bytes: each leaves its tile before the next.
template <int Depth>
__attribute__((target("amx-tile,amx-int8"))) double tileGroups(const uint8_t *,
                                                               uint64_t size) {
  TileConfig config;
  for (int tile = 4; tile < 8; ++tile)
    (tile < 6 ? config.bytes[tile] = Depth : config.rows[tile] = Depth / 4);
  _tile_loadconfig(&config);
  alignas(64) static thread_local int32_t sums[4][256];
  const uint8_t *inputs = operandsI8[0].elements, *codes = inputs + 4096;
  uint64_t operations = uint64_t(4) * 2 * 16 * 16 * Depth;
  uint64_t rounds = size / operations + 1;
#define MICA_GROUP(SUM, INPUT, CODES)                                          \
  _tile_loadd(INPUT, inputs + i % 2 * 128 + uint64_t(SUM) * Depth, 256);       \
  _tile_loadd(CODES, codes + uint64_t(SUM) * 16 * Depth, 64);                  \
  _tile_zero(SUM);                                                             \
  _tile_dpbssd(SUM, INPUT, CODES);                                             \
  _tile_stored((SUM + 3) % 4, sums[(SUM + 3) % 4], 64)
  for (uint64_t i = 0; i < rounds; ++i) {
    MICA_GROUP(0, 4, 6);
    MICA_GROUP(1, 5, 7);
    MICA_GROUP(2, 4, 6);
    MICA_GROUP(3, 5, 7);
  }
#undef MICA_GROUP
  _tile_release();
  sink = sums[0][0];
  return double(rounds) * operations;
}

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

#if defined(__x86_64__)
/// The loop over codes of `bits` bits in groups of `group` for plain AVX2.
static Loop narrowLoop(int bits, int group) {
  int fit = std::min(32767 / (2 * 127 * ((1 << bits) - 1)), group / 4);
  if (fit == 0)
    return {"vpsignb, vpmaddubsw ymm", dotSignAVX2};
  if (fit == 1)
    return {"vpmaddubsw ymm", dotNarrowAVX2<1>};
  return {"vpmaddubsw, vpaddw ymm", fit >= 8   ? dotNarrowAVX2<8>
                                    : fit >= 4 ? dotNarrowAVX2<4>
                                               : dotNarrowAVX2<2>};
}
#endif

/// The loops of instructions that multiply `type`: "f32", "f16", "bf16" or
/// "i8", these summed over groups of `group` (0: not in groups).
static std::vector<Loop> loopsOf(std::string_view type, int group) {
  std::vector<Loop> loops;
#if defined(__x86_64__)
  constexpr int any = -1;
  static constexpr struct {
    std::string_view type;
    int group;
    const char *feature, *name;
    double (*run)(const uint8_t *, uint64_t);
  } known[] = {
      {"bf16", any, "amx-bf16", "tdpbf16ps", tileBF16},
      {"bf16", any, "avx512bf16", "vdpbf16ps zmm", dotBF16},
      {"f16", any, "avx512fp16", "vfmaddph zmm", dotF16},
      {"f32", any, "avx512f", "vfmaddps zmm", fmaAVX512},
      {"f32", any, "fma", "vfmaddps ymm", fmaAVX},
      {"i8", 0, "amx-int8", "tdpbusd", tileI8},
      {"i8", 32, "amx-int8", "tdpbssd of 32, tilestored", tileGroups<32>},
      {"i8", 16, "amx-int8", "tdpbssd of 16, tilestored", tileGroups<16>},
      {"i8", any, "avx512vnni", "vpdpbusd zmm", dotVNNI512},
      {"i8", any, "avxvnni", "vpdpbusd ymm", dotVNNI256},
  };
  for (const auto &loop : known)
    if (loop.type == type && (loop.group == any || loop.group == group) &&
        cpuHas(loop.feature))
      loops.push_back({loop.name, loop.run});
#endif
  return loops;
}

std::vector<Loop> mica::dotLoops(std::string_view type) {
  [[maybe_unused]] int bits = 8;
  int group = 0;
  if (size_t slash = type.find('/'); slash != type.npos) {
    bits = type[1] - '0';
    group = type.substr(slash) == "/16" ? 16 : 32;
    type = "i8";
  }
  std::vector<Loop> loops = loopsOf(type, group);
#if defined(__x86_64__)
  if (type == "i8" && loops.empty() && cpuHas("avx2"))
    loops.push_back(narrowLoop(bits, group ? group : 32));
#endif
  // Any type can be converted; on some CPUs that is faster than vdpbf16ps.
  if (type == "f16" || type == "bf16" || loops.empty())
    std::ranges::move(loopsOf("f32", 0), std::back_inserter(loops));
  if (loops.empty())
    loops.push_back({"f32 multiply and add", fmaPlain});
  return loops;
}
