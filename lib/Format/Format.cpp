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
constexpr BitField whole8[] = {{.bits = 8, .groupBytes = 1}};

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

// The same after a scale and a minimum.
constexpr BitField q41Codes[] = {{.offset = 4,
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

constexpr BitField q51Codes[] = {{.offset = 8,
                                  .bits = 4,
                                  .run = 16,
                                  .slots = 2,
                                  .groupBytes = 16,
                                  .slotBits = 4},
                                 {.offset = 4,
                                  .bits = 1,
                                  .codeShift = 4,
                                  .slots = 8,
                                  .groupBytes = 1,
                                  .slotBits = 1}};

// After the scales, two groups of 128: pairs of bits, 32 elements apart.
constexpr BitField q2kCodes[] = {{.offset = 16,
                                  .bits = 2,
                                  .run = 32,
                                  .slots = 4,
                                  .groupBytes = 32,
                                  .slotBits = 2}};
constexpr BitField q2kScales[] = {{.bits = 4, .run = 16}};
constexpr BitField q2kMins[] = {{.bits = 4, .run = 16, .firstBit = 4}};

// The same after the third bits, which lie 32 elements apart.
constexpr BitField q3kCodes[] = {
    {.offset = 32,
     .bits = 2,
     .run = 32,
     .slots = 4,
     .groupBytes = 32,
     .slotBits = 2},
    {.bits = 1, .codeShift = 2, .run = 32, .slots = 8, .slotBits = 1}};

// Sixteen 6-bit scales: 8 bytes of two nibbles, then 4 of four pairs.
constexpr BitField q3kScales[] = {
    {.offset = 96, .bits = 4, .run = 8, .slots = 2, .slotBits = 4},
    {.offset = 104,
     .bits = 2,
     .codeShift = 4,
     .run = 4,
     .slots = 4,
     .slotBits = 2}};

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

// The scales of Q4_K, then the fifth bits, 32 elements apart, then the nibbles.
constexpr BitField q5kCodes[] = {{.offset = 48,
                                  .bits = 4,
                                  .run = 32,
                                  .slots = 2,
                                  .groupBytes = 32,
                                  .slotBits = 4},
                                 {.offset = 16,
                                  .bits = 1,
                                  .codeShift = 4,
                                  .run = 32,
                                  .slots = 8,
                                  .slotBits = 1}};

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

// What four bits mean in IQ4_NL and IQ4_XS: closer together around zero.
constexpr int8_t iq4Values[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                1,    13,   25,  38,  53,  69,  89,  113};

// Eight groups of 32 with two nibbles per byte, 16 elements apart, after the
// scales: high pairs of bits, then nibbles, in the order of the groups.
constexpr BitField iq4xsCodes[] = {{.offset = 8,
                                    .bits = 4,
                                    .run = 16,
                                    .slots = 2,
                                    .groupBytes = 16,
                                    .slotBits = 4}};
constexpr BitField iq4xsScales[] = {
    {.offset = 4, .bits = 4, .slots = 2, .groupBytes = 1, .slotBits = 4},
    {.offset = 2,
     .bits = 2,
     .codeShift = 4,
     .slots = 4,
     .groupBytes = 1,
     .slotBits = 2}};

// Five trits per byte, 32 and then 16 elements apart, and four, 4 apart.
constexpr BitField tq1Codes[] = {
    {.bits = 2, .run = 32, .slots = 5, .end = 160, .trits = true},
    {.offset = 32,
     .bits = 2,
     .run = 16,
     .slots = 5,
     .begin = 160,
     .end = 240,
     .trits = true},
    {.offset = 48,
     .bits = 2,
     .run = 4,
     .slots = 4,
     .begin = 240,
     .end = 256,
     .trits = true}};

// Two groups of 128: pairs of bits, 32 elements apart.
constexpr BitField tq2Codes[] = {
    {.bits = 2, .run = 32, .slots = 4, .groupBytes = 32, .slotBits = 2}};

// A scale of one byte, then two nibbles per byte, 16 elements apart. The values
// are e2m1 numbers times 2.
constexpr BitField mxfp4Codes[] = {{.offset = 1,
                                    .bits = 4,
                                    .run = 16,
                                    .slots = 2,
                                    .groupBytes = 16,
                                    .slotBits = 4}};
constexpr int8_t mxfp4Values[] = {0, 1,  2,  3,  4,  6,  8,  12,
                                  0, -1, -2, -3, -4, -6, -8, -12};

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
    {.name = "F8_E4M3",
     .elementBits = 8,
     .encoding = Encoding::Float,
     .exponentBits = 4,
     .mantissaBits = 3,
     .finite = true,
     .blockBytes = 1,
     .codes = whole8,
     .safetensorsType = "F8_E4M3"},
    {.name = "F8_E5M2",
     .elementBits = 8,
     .encoding = Encoding::Float,
     .exponentBits = 5,
     .mantissaBits = 2,
     .blockBytes = 1,
     .codes = whole8,
     .safetensorsType = "F8_E5M2"},
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
    {.name = "Q4_1",
     .elementBits = 4,
     .blockElements = 32,
     .blockBytes = 20,
     .codes = q41Codes,
     .scale = {ScaleType::F16, 0},
     .min = {ScaleType::F16, 2, /*negated=*/true},
     .ggufType = 3},
    {.name = "Q5_0",
     .elementBits = 5,
     .zero = 16,
     .blockElements = 32,
     .blockBytes = 22,
     .codes = q5Codes,
     .scale = {ScaleType::F16, 0},
     .ggufType = 6},
    {.name = "Q5_1",
     .elementBits = 5,
     .blockElements = 32,
     .blockBytes = 24,
     .codes = q51Codes,
     .scale = {ScaleType::F16, 0},
     .min = {ScaleType::F16, 2, /*negated=*/true},
     .ggufType = 7},
    {.name = "Q2_K",
     .elementBits = 2,
     .blockElements = 256,
     .blockBytes = 84,
     .codes = q2kCodes,
     .scale = {ScaleType::F16, 80},
     .min = {ScaleType::F16, 82},
     .subElements = 16,
     .subScales = q2kScales,
     .subMins = q2kMins,
     .ggufType = 10},
    {.name = "Q3_K",
     .elementBits = 3,
     .zero = 4,
     .blockElements = 256,
     .blockBytes = 110,
     .codes = q3kCodes,
     .scale = {ScaleType::F16, 108},
     .subElements = 16,
     .subZero = 32,
     .subScales = q3kScales,
     .ggufType = 11},
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
    {.name = "Q5_K",
     .elementBits = 5,
     .blockElements = 256,
     .blockBytes = 176,
     .codes = q5kCodes,
     .scale = {ScaleType::F16, 0},
     .min = {ScaleType::F16, 2},
     .subElements = 32,
     .subScales = q4kScales,
     .subMins = q4kMins,
     .ggufType = 13},
    {.name = "Q6_K",
     .elementBits = 6,
     .zero = 32,
     .blockElements = 256,
     .blockBytes = 210,
     .codes = q6kCodes,
     .scale = {ScaleType::F16, 208},
     .subElements = 16,
     .subScales = q6kScales,
     .ggufType = 14},
    {.name = "IQ4_NL",
     .elementBits = 4,
     .blockElements = 32,
     .blockBytes = 18,
     .codes = q4Codes,
     .values = iq4Values,
     .scale = {ScaleType::F16, 0},
     .ggufType = 20},
    {.name = "IQ4_XS",
     .elementBits = 4,
     .blockElements = 256,
     .blockBytes = 136,
     .codes = iq4xsCodes,
     .values = iq4Values,
     .scale = {ScaleType::F16, 0},
     .subElements = 32,
     .subZero = 32,
     .subScales = iq4xsScales,
     .ggufType = 23},
    {.name = "TQ1_0",
     .elementBits = 2,
     .zero = 1,
     .blockElements = 256,
     .blockBytes = 54,
     .codes = tq1Codes,
     .scale = {ScaleType::F16, 52},
     .ggufType = 34},
    {.name = "TQ2_0",
     .elementBits = 2,
     .zero = 1,
     .blockElements = 256,
     .blockBytes = 66,
     .codes = tq2Codes,
     .scale = {ScaleType::F16, 64},
     .ggufType = 35},
    {.name = "MXFP4",
     .elementBits = 4,
     .blockElements = 32,
     .blockBytes = 17,
     .codes = mxfp4Codes,
     .values = mxfp4Values,
     .scale = {ScaleType::E8M0Half, 0},
     .ggufType = 39},
};

} // namespace

std::span<const Format> mica::formatTable() { return table; }
