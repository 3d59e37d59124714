//===- Format.cpp - The table of storage formats --------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

using namespace mica;

namespace {

// Plain elements, one after another.
constexpr BitField whole32[] = {{.bits = 32, .groupBytes = 4}};
constexpr BitField whole16[] = {{.bits = 16, .groupBytes = 2}};

// A scale, then 32 bytes.
constexpr BitField q8Codes[] = {
    {.offset = 2, .bits = 8, .run = 32, .groupBytes = 32}};

// A scale, then 16 bytes of two nibbles, 16 elements apart.
constexpr BitField q4Codes[] = {{.offset = 2,
                                 .bits = 4,
                                 .run = 16,
                                 .slots = 2,
                                 .groupBytes = 16,
                                 .slotBits = 4}};

// The same after the fifth bits, which lie in the order of the elements.
constexpr BitField q5Codes[] = {{.offset = 6,
                                 .bits = 4,
                                 .run = 16,
                                 .slots = 2,
                                 .groupBytes = 16,
                                 .slotBits = 4},
                                {.offset = 2,
                                 .bits = 1,
                                 .codeShift = 4,
                                 .slots = 8,
                                 .groupBytes = 1,
                                 .slotBits = 1}};

// Four groups of 64: 32 low nibbles, then 32 high nibbles of the same bytes.
constexpr BitField q4kCodes[] = {{.offset = 16,
                                  .bits = 4,
                                  .run = 32,
                                  .slots = 2,
                                  .groupBytes = 32,
                                  .slotBits = 4}};

// Eight 6-bit scales and minima in 12 bytes at 4: the first four of each are
// whole in bytes 0-3 and 4-7; of the last four, the low nibbles make bytes
// 8-11 (scale below, minimum above) and the top bits fill bytes 0-3 and 4-7.
constexpr BitField q4kScales[] = {
    {.offset = 4, .bits = 4, .run = 4, .slots = 2, .slotBytes = 8},
    {.offset = 4,
     .bits = 2,
     .codeShift = 4,
     .run = 4,
     .slots = 2,
     .slotBits = 2,
     .firstBit = 4}};
constexpr BitField q4kMins[] = {{.offset = 8,
                                 .bits = 4,
                                 .run = 4,
                                 .slots = 2,
                                 .slotBytes = 4,
                                 .slotBits = 4},
                                {.offset = 8,
                                 .bits = 2,
                                 .codeShift = 4,
                                 .run = 4,
                                 .slots = 2,
                                 .slotBits = 2,
                                 .firstBit = 4}};

// Two halves of 128: low nibbles 64 elements apart, high pairs 32 apart.
constexpr BitField q6kCodes[] = {
    {.bits = 4, .run = 64, .slots = 2, .groupBytes = 64, .slotBits = 4},
    {.offset = 128,
     .bits = 2,
     .codeShift = 4,
     .run = 32,
     .slots = 4,
     .groupBytes = 32,
     .slotBits = 2}};
constexpr BitField q6kScales[] = {
    {.offset = 192, .bits = 8, .run = 16, .groupBytes = 16}};

constexpr Format table[] = {
    {.name = "F32",
     .elementBits = 32,
     .encoding = Encoding::Float,
     .exponentBits = 8,
     .mantissaBits = 23,
     .blockBytes = 4,
     .codes = whole32,
     .ggufType = 0,
     .safetensorsType = "F32"},
    {.name = "F16",
     .elementBits = 16,
     .encoding = Encoding::Float,
     .exponentBits = 5,
     .mantissaBits = 10,
     .blockBytes = 2,
     .codes = whole16,
     .ggufType = 1,
     .safetensorsType = "F16"},
    {.name = "BF16",
     .elementBits = 16,
     .encoding = Encoding::Float,
     .exponentBits = 8,
     .mantissaBits = 7,
     .blockBytes = 2,
     .codes = whole16,
     .ggufType = 30,
     .safetensorsType = "BF16"},
    {.name = "Q8_0",
     .elementBits = 8,
     .encoding = Encoding::Signed,
     .blockElements = 32,
     .blockBytes = 34,
     .codes = q8Codes,
     .scale = {ScaleType::F16, 0},
     .ggufType = 8},
    {.name = "Q4_0",
     .elementBits = 4,
     .zero = 8,
     .blockElements = 32,
     .blockBytes = 18,
     .codes = q4Codes,
     .scale = {ScaleType::F16, 0},
     .ggufType = 2},
    {.name = "Q5_0",
     .elementBits = 5,
     .zero = 16,
     .blockElements = 32,
     .blockBytes = 22,
     .codes = q5Codes,
     .scale = {ScaleType::F16, 0},
     .ggufType = 6},
    {.name = "Q4_K",
     .elementBits = 4,
     .blockElements = 256,
     .blockBytes = 144,
     .codes = q4kCodes,
     .scale = {ScaleType::F16, 0},
     .min = {ScaleType::F16, 2},
     .subElements = 32,
     .subScales = q4kScales,
     .subMins = q4kMins,
     .ggufType = 12},
    {.name = "Q6_K",
     .elementBits = 6,
     .zero = 32,
     .blockElements = 256,
     .blockBytes = 210,
     .codes = q6kCodes,
     .scale = {ScaleType::F16, 208},
     .subElements = 16,
     .subEncoding = Encoding::Signed,
     .subScales = q6kScales,
     .ggufType = 14},
};

} // namespace

std::span<const Format> mica::formatTable() { return table; }

const Format *mica::findFormat(std::string_view name) {
  for (const Format &format : table)
    if (format.name == name)
      return &format;
  return nullptr;
}

const Format *mica::findGGUFFormat(uint32_t type) {
  for (const Format &format : table)
    if (format.ggufType >= 0 && uint32_t(format.ggufType) == type)
      return &format;
  return nullptr;
}

const Format *mica::findSafetensorsFormat(std::string_view dtype) {
  for (const Format &format : table)
    if (!dtype.empty() && format.safetensorsType == dtype)
      return &format;
  return nullptr;
}
