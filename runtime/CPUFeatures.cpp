//===- CPUFeatures.cpp - What this CPU can run ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/CPUFeatures.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

using namespace mica;

#if defined(__x86_64__)

namespace {

enum Register : uint8_t { EAX, EBX, ECX, EDX };

/// What the system must save on a context switch for a feature to be usable:
/// bits of XCR0.
enum State : uint32_t { None = 0, Ymm = 0x6, Zmm = 0xe6, Tile = 0x60000 };

/// Where CPUID says that a feature is there.
struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register reg;
  uint8_t bit;
  State state;
};

constexpr Feature kFeatures[] = {
    {"x87", 1, 0, EDX, 0, None},
    {"cx8", 1, 0, EDX, 8, None},
    {"cmov", 1, 0, EDX, 15, None},
    {"mmx", 1, 0, EDX, 23, None},
    {"fxsr", 1, 0, EDX, 24, None},
    {"sse", 1, 0, EDX, 25, None},
    {"sse2", 1, 0, EDX, 26, None},
    {"sse3", 1, 0, ECX, 0, None},
    {"pclmul", 1, 0, ECX, 1, None},
    {"ssse3", 1, 0, ECX, 9, None},
    {"fma", 1, 0, ECX, 12, Ymm},
    {"cx16", 1, 0, ECX, 13, None},
    {"sse4.1", 1, 0, ECX, 19, None},
    {"sse4.2", 1, 0, ECX, 20, None},
    {"crc32", 1, 0, ECX, 20, None},
    {"movbe", 1, 0, ECX, 22, None},
    {"popcnt", 1, 0, ECX, 23, None},
    {"aes", 1, 0, ECX, 25, None},
    {"xsave", 1, 0, ECX, 27, None},
    {"avx", 1, 0, ECX, 28, Ymm},
    {"f16c", 1, 0, ECX, 29, Ymm},
    {"bmi", 7, 0, EBX, 3, None},
    {"avx2", 7, 0, EBX, 5, Ymm},
    {"bmi2", 7, 0, EBX, 8, None},
    {"avx512f", 7, 0, EBX, 16, Zmm},
    {"avx512dq", 7, 0, EBX, 17, Zmm},
    {"adx", 7, 0, EBX, 19, None},
    {"avx512ifma", 7, 0, EBX, 21, Zmm},
    {"avx512cd", 7, 0, EBX, 28, Zmm},
    {"avx512bw", 7, 0, EBX, 30, Zmm},
    {"avx512vl", 7, 0, EBX, 31, Zmm},
    {"avx512vbmi", 7, 0, ECX, 1, Zmm},
    {"avx512vbmi2", 7, 0, ECX, 6, Zmm},
    {"gfni", 7, 0, ECX, 8, None},
    {"vaes", 7, 0, ECX, 9, Ymm},
    {"vpclmulqdq", 7, 0, ECX, 10, Ymm},
    {"avx512vnni", 7, 0, ECX, 11, Zmm},
    {"avx512bitalg", 7, 0, ECX, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Zmm},
    {"amx-bf16", 7, 0, EDX, 22, Tile},
    {"avx512fp16", 7, 0, EDX, 23, Zmm},
    {"amx-tile", 7, 0, EDX, 24, Tile},
    {"amx-int8", 7, 0, EDX, 25, Tile},
    {"avxvnni", 7, 1, EAX, 4, Ymm},
    {"avx512bf16", 7, 1, EAX, 5, Zmm},
    {"avxifma", 7, 1, EAX, 23, Ymm},
    {"avxvnniint8", 7, 1, EDX, 4, Ymm},
    {"avxneconvert", 7, 1, EDX, 5, Ymm},
    {"sahf", 0x80000001, 0, ECX, 0, None},
    {"lzcnt", 0x80000001, 0, ECX, 5, None},
};

/// The states that the system saves, 0 if it does not say.
uint32_t savedStates() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/// Asks the system for tile registers, which Linux lends to processes that want
/// them; the threads of the process share the permission.
bool borrowTiles() {
#ifdef __linux__
  constexpr long request = 0x1023, tileData = 18; // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, request, tileData) == 0;
#else
  return false;
#endif
}

} // namespace

static bool isThere(const Feature &feature) {
  static const uint32_t saved = savedStates();
  uint32_t r[4] = {};
  return __get_cpuid_count(feature.leaf, feature.subleaf, &r[0], &r[1], &r[2],
                           &r[3]) &&
         (r[feature.reg] >> feature.bit & 1) &&
         (saved & feature.state) == feature.state &&
         (feature.state != Tile || borrowTiles());
}

std::string mica::cpuName() {
  uint32_t words[12] = {};
  for (size_t i = 0; i < 3; ++i)
    if (!__get_cpuid(unsigned(0x80000002 + i), &words[4 * i], &words[4 * i + 1],
                     &words[4 * i + 2], &words[4 * i + 3]))
      return "unknown";
  char text[sizeof(words) + 1] = {};
  std::memcpy(text, words, sizeof(words));
  std::string name = text;
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(' ') + 1);
  return name;
}

#elif defined(__aarch64__)

namespace {

/// Where the auxiliary vector of Linux says that a feature is there.
struct Feature {
  const char *name;
  unsigned long vector;
  uint8_t bit;
};

constexpr Feature kFeatures[] = {
    {"fp-armv8", AT_HWCAP, 0},  {"neon", AT_HWCAP, 1},
    {"crc", AT_HWCAP, 7},       {"lse", AT_HWCAP, 8},
    {"fullfp16", AT_HWCAP, 10}, {"rdm", AT_HWCAP, 12},
    {"dotprod", AT_HWCAP, 20},  {"sve", AT_HWCAP, 22},
    {"i8mm", AT_HWCAP2, 13},    {"bf16", AT_HWCAP2, 14},
};

} // namespace

static bool isThere(const Feature &feature) {
  return getauxval(feature.vector) >> feature.bit & 1;
}

std::string mica::cpuName() { return "aarch64"; }

#else

namespace {
struct Feature {
  const char *name;
};
constexpr Feature kFeatures[] = {{""}};
} // namespace

static bool isThere(const Feature &) { return false; }

std::string mica::cpuName() { return "unknown"; }

#endif

/// The feature `name`, or null.
static const Feature *findFeature(std::string_view name) {
  auto it = std::ranges::find(kFeatures, name, &Feature::name);
  return it == std::end(kFeatures) ? nullptr : it;
}

/// The entries of MICA_CPU_FEATURES.
static std::vector<std::string_view> featureMask() {
  std::vector<std::string_view> entries;
  const char *value = std::getenv("MICA_CPU_FEATURES");
  for (std::string_view rest = value ? value : ""; !rest.empty();) {
    size_t end = std::min(rest.find(','), rest.size());
    entries.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return entries;
}

Status mica::checkFeatureMask() {
  for (std::string_view entry : featureMask())
    if (!entry.starts_with('-') || !findFeature(entry.substr(1)))
      return Error{"MICA_CPU_FEATURES: '" + std::string(entry) +
                   "', expected a feature of this kind of CPU behind a minus"};
  return {};
}

bool mica::cpuHas(std::string_view name) {
  const Feature *feature = findFeature(name);
  if (!feature)
    return false;
  for (std::string_view entry : featureMask())
    if (entry.starts_with('-') && entry.substr(1) == name)
      return false;
  return isThere(*feature);
}

/// What a level of the Arm architecture asks for, as far as code uses it.
static std::span<const char *const> askedByArm(std::string_view level) {
  static const char *const v8[] = {"neon", "crc", "lse", "rdm"};
  if (level == "armv8-a")
    return std::span(v8, 1);
  return level == "armv8.2-a" ? std::span<const char *const>(v8)
                              : std::span<const char *const>();
}

/// The architecture that `cpu` is a level of, if it is another than this one.
static std::string_view foreignArchitecture(std::string_view cpu) {
#if !defined(__x86_64__)
  if (cpu.starts_with("x86-64-"))
    return "x86-64";
#endif
#if !defined(__aarch64__)
  if (cpu.starts_with("armv"))
    return "aarch64";
#endif
  return {};
}

/// What each level of the x86-64 psABI adds.
static std::span<const char *const> addedByLevel(int level) {
  static const char *const v2[] = {"cx16",  "sahf",   "popcnt", "sse3",
                                   "ssse3", "sse4.1", "sse4.2"};
  static const char *const v3[] = {"avx",  "avx2", "bmi",   "bmi2",
                                   "f16c", "fma",  "lzcnt", "movbe"};
  static const char *const v4[] = {"avx512f", "avx512bw", "avx512cd",
                                   "avx512dq", "avx512vl"};
  switch (level) {
  case 2:
    return v2;
  case 3:
    return v3;
  case 4:
    return v4;
  }
  return {};
}

std::vector<std::string>
mica::missingFeatures(std::string_view cpu,
                      std::span<const std::string> wanted) {
  constexpr std::string_view kLevel = "x86-64-v";
  if (std::string_view other = foreignArchitecture(cpu); !other.empty())
    return {std::string(other)};
  std::vector<std::string> missing;
  bool isLevel = cpu.starts_with(kLevel) && cpu.size() == kLevel.size() + 1;
  for (int level = 2; isLevel && level <= cpu.back() - '0'; ++level)
    for (const char *feature : addedByLevel(level))
      if (!cpuHas(feature))
        missing.push_back(feature);
  for (const char *feature : askedByArm(cpu))
    if (!cpuHas(feature))
      missing.push_back(feature);
  for (const std::string &feature : wanted)
    if (!cpuHas(feature))
      missing.push_back(feature);
  return missing;
}
