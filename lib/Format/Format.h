//===- Format.h - How stored weights are decoded ----------------*- C++ -*-===//
//
// A storage format is a description, not a name: which bits of a block make up
// the code of element i, how a code becomes a number, and where the scales are.
// One routine, `decodeRow`, reads every format through its description, so a
// new format is a new row of `formatTable` and nothing else.
//
//   value(i) = scale * subScale(j) * (c(i) - zero) - min * subMin(j)
//
// with j = i / subElements and c(i) the code, or what a codebook has at that
// place; a factor that the format lacks is 1, a term 0. With `zeros`, subMin(j)
// is a zero point instead:
//
//   value(i) = scale * (c(i) - zero - subMin(j))
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_FORMAT_FORMAT_H
#define LIB_FORMAT_FORMAT_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mica {

/// Where one bit field of the codes lies in a block. Entry i of the field is
/// numbered i = (g * slots + s) * run + l with s < slots and l < run, and is
/// the `bits` bits from bit `firstBit + s * slotBits` upwards of the byte at
/// `offset + g * groupBytes + s * slotBytes + l`. It is added to the code
/// shifted left by `codeShift`. Fields wider than 8 bits begin at bit 0, are
/// little-endian, and have run = slots = 1.
///
/// Two nibbles per byte, the low ones being the first 16 elements, are
/// {.bits = 4, .run = 16, .slots = 2, .groupBytes = 16, .slotBits = 4}.
///
/// The field has entries for the elements from `begin` to `end`, which need not
/// fill the last group; an `end` of 0 is the last element's.
///
/// In a field of trits, slot s is instead digit s of the byte, which is read as
/// a fraction of 256 in base 3: floor(byte * 3^(s + 1) / 256) mod 3.
struct BitField {
  uint16_t offset = 0;
  uint8_t bits = 0;
  uint8_t codeShift = 0;
  uint16_t run = 1;
  uint8_t slots = 1;
  uint16_t groupBytes = 0;
  uint16_t slotBytes = 0;
  uint8_t slotBits = 0;
  uint8_t firstBit = 0;
  uint16_t begin = 0, end = 0;
  bool trits = false;
};

/// What the bits of a code mean.
enum class Encoding : uint8_t {
  Unsigned, ///< an integer; `Format::zero` is subtracted
  Signed,   ///< a two's complement integer
  Float,    ///< IEEE-like: sign, exponent, mantissa bits from the top
};

/// The number type of a scale or minimum stored in a block.
enum class ScaleType : uint8_t {
  None,
  F16,
  BF16,
  F32,
  E8M0Half, ///< a byte e, the number 2^(e - 128)
};

/// One scale (or minimum) for a whole block.
struct Scale {
  ScaleType type = ScaleType::None;
  uint16_t offset = 0;  ///< bytes from the block's begin
  bool negated = false; ///< the block stores the number with the other sign
};

/// How to decode one block of `blockElements` consecutive elements of a row.
struct Format {
  std::string_view name;

  /// Elements: number of bits (all fields together), meaning, place.
  uint8_t elementBits = 0;
  Encoding encoding = Encoding::Unsigned;
  uint8_t exponentBits = 0; ///< of Encoding::Float
  uint8_t mantissaBits = 0; ///< of Encoding::Float
  bool finite = false;      ///< of Encoding::Float: the greatest code is the
                            ///< only NaN, and there are no infinities
  int16_t zero = 0;         ///< of Encoding::Unsigned
  uint16_t blockElements = 1;
  uint16_t blockBytes = 0;
  std::span<const BitField> codes = {};

  /// The codebook: what a code stands for, if not for itself; `zero` is then 0.
  std::span<const int8_t> values = {};
  /// The same, of floats; a format has at most one of them.
  std::span<const float> floatValues = {};

  /// First level: a scale and a minimum for the block.
  Scale scale = {}, min = {};

  /// Second level: every `subElements` elements have an integer factor on the
  /// scale, less `subZero`, and, where `subMins` is not empty, on the minimum.
  /// 0: no such level. Factors of 8 bits are signed.
  uint16_t subElements = 0;
  int16_t subZero = 0;
  std::span<const BitField> subScales = {}, subMins = {};
  /// `subMins` are zero points, one for each group; there is no minimum then.
  bool zeros = false;

  /// Names elsewhere: the type's number in GGUF, its dtype in safetensors; -1
  /// and empty where that container does not have it.
  int32_t ggufType = -1;
  std::string_view safetensorsType = {};

  /// Bytes of a row of `elements`, a multiple of `blockElements`.
  int64_t rowBytes(int64_t elements) const {
    return elements / blockElements * blockBytes;
  }

  /// Whether elements are codes with scales, which `splitRow` takes apart.
  bool isBlocks() const { return scale.type != ScaleType::None; }

  /// Elements that share all factors.
  int group() const { return subElements ? subElements : blockElements; }

  /// What is subtracted from a code that `splitRow` writes.
  int integerZero() const {
    return encoding == Encoding::Signed ? 1 << (elementBits - 1) : zero;
  }
};

/// Every format that Mica reads from files: F32, F16, BF16, Q8_0, Q4_0, Q4_1,
/// Q5_0, Q5_1, Q2_K to Q6_K, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4, and the plain
/// numbers F8_E4M3 and F8_E5M2.
std::span<const Format> formatTable();

/// What the codes of a plain group are.
enum class GroupCodes : uint8_t {
  Integer,
  NF4,  ///< 4 bits, sixteen quantiles of the normal distribution
  E4M3, ///< F8_E4M3
  E2M1, ///< those of MXFP4, whose size and type of scale they need
};

/// A format of plain groups.
struct GroupKind {
  GroupCodes codes = GroupCodes::Integer;
  int bits = 4; ///< of integers
  int size = 128;
  /// Without both, integers are about 2^(bits - 1), and one bit is -1 or 1.
  bool min = false;                 ///< of the scale's type
  bool zeros = false;               ///< a zero point; of 8 bits, less 128
  ScaleType scale = ScaleType::F16; ///< F16, BF16 or F32
};

/// The format of that kind. Its name is "w4g128", "w4g128m" with minimum,
/// "w4g128z" with zero point, "nf4g64" or "e4m3g128", with "-bf16" or "-f32"
/// behind if scales are not f16. Any number of bits from 1 to 8 and size from 4
/// to 4096 in fours; null otherwise. Lives as long as the program.
const Format *groupFormat(const GroupKind &kind);

/// The format of `group` integers of `bits` bits with f16 scales.
const Format *groupFormat(int bits, int group, bool min);

/// The sixteen numbers of NF4, from -1 to 1.
std::span<const float> nf4Values();

/// The row or group format with that name, in upper or lower case; null if
/// none.
const Format *findFormat(std::string_view name);

/// The row with that GGUF type number or safetensors dtype; null if none.
const Format *findGGUFFormat(uint32_t type);
const Format *findSafetensorsFormat(std::string_view dtype);

/// The number of that type at `from`; 1 of ScaleType::None.
float scaleValue(ScaleType type, const std::byte *from);

/// Decodes `n` consecutive elements, a multiple of `format.blockElements`, from
/// `format.rowBytes(n)` bytes at `in` (any alignment) into `out`. Each product
/// and difference is rounded to f32, as GGUF's reference does, on every host.
void decodeRow(const Format &format, const std::byte *in, int64_t n,
               float *out);

/// The same with every operation in f64; all formats of the table are exact.
void decodeRow(const Format &format, const std::byte *in, int64_t n,
               double *out);

/// The parts of a row of codes; with S = blockElements and G = group(),
///
///   value(i) = scales[i / S] * subScales[i / G] * (c(i) - integerZero())
///            - mins[i / S] * subMins[i / G]
///
/// or, with `zeros`,
///
///   value(i) = scales[i / S] * (c(i) - integerZero() - subMins[i / G])
///
/// where c(i) is codes[i] or, with a codebook, its entry codes[i] or, of
/// Encoding::Float, the number of these bits. A pointer whose factor or term
/// the format lacks is not used.
struct BlockRow {
  uint8_t *codes = nullptr;    ///< [n], the sign bit of signed ones flipped
  float *scales = nullptr;     ///< [n / S], exactly what the blocks store
  float *mins = nullptr;       ///< [n / S], the sign as in the formula
  int8_t *subScales = nullptr; ///< [n / G], less `subZero`
  int8_t *subMins = nullptr;   ///< [n / G]
};

/// Takes `n` elements apart, a multiple of `format.blockElements`, of a format
/// with `isBlocks()`. The formula above in f64 is what `decodeRow` gives in
/// f64.
void splitRow(const Format &format, const std::byte *in, int64_t n,
              const BlockRow &out);

/// The inverse: writes `format.rowBytes(n)` bytes at `out`. Scales and minima
/// are rounded to their types; codes and factors must fit their fields.
void joinRow(const Format &format, const BlockRow &in, int64_t n,
             std::byte *out);

} // namespace mica

#endif // LIB_FORMAT_FORMAT_H
