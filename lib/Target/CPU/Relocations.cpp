//===- Relocations.cpp - Distances within an image ------------------------===//
//
// ELF for the Arm 64-bit Architecture (AAELF64) and the System V ABI's
// supplement for AMD64 define the types.
//
//===----------------------------------------------------------------------===//

#include "lib/Target/CPU/Relocations.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mica;

/// The name of `type`, of the ELF machine `machine`.
static std::string nameOf(uint16_t machine, uint32_t type) {
  return object::getELFRelocationTypeName(machine, type).str();
}

static mica::Error unexpected(uint16_t machine, uint32_t type) {
  return mica::Error{"relocation " + nameOf(machine, type) +
                     ", expected a distance within the image"};
}

static mica::Error tooFar(uint16_t machine, const Relocation &r,
                          int64_t value) {
  return mica::Error{"relocation " + nameOf(machine, r.type) + " of " +
                     std::to_string(value) + ", expected a value that fits it"};
}

/// Whether `size` bytes at the place of `r` lie in `image`.
static Status checkPlace(ArrayRef<uint8_t> image, const Relocation &r,
                         uint64_t size) {
  if (r.place > image.size() || size > image.size() - r.place)
    return mica::Error{"object: a relocation lies outside its section"};
  return Status();
}

Status mica::relocateX86(MutableArrayRef<uint8_t> image, const Relocation &r) {
  int64_t distance = r.target - int64_t(r.place);
  if (Status s = checkPlace(image, r, r.type == ELF::R_X86_64_PC64 ? 8 : 4); !s)
    return s;
  switch (r.type) {
  case ELF::R_X86_64_PC64:
    support::endian::write64le(&image[r.place], distance);
    return Status();
  case ELF::R_X86_64_PC32:
  case ELF::R_X86_64_PLT32:
    if (!isInt<32>(distance))
      return tooFar(ELF::EM_X86_64, r, distance);
    support::endian::write32le(&image[r.place], distance);
    return Status();
  }
  return unexpected(ELF::EM_X86_64, r.type);
}

namespace {

/// A field of an AArch64 instruction: `value`, in `bits` bits from bit `at` on.
struct Field {
  int64_t value;
  unsigned bits, at;
  unsigned scale = 0; ///< The lowest bits, which must be zero and are left out.
  bool isSigned = true;
};

} // namespace

/// The low 12 bits of `target`, for an access to `1 << scale` bytes.
static Field lowBits(int64_t target, unsigned scale) {
  return {target & 0xfff, 12 - scale, 10, scale, false};
}

/// The field that `r` fills, none if its type is not a distance or has no such
/// field. ADR and ADRP have theirs in two parts, of which `at` = 5 is the
/// upper.
static std::optional<Field> fieldOf(const Relocation &r) {
  int64_t distance = r.target - int64_t(r.place);
  switch (r.type) {
  case ELF::R_AARCH64_ADR_PREL_PG_HI21:
    return Field{(r.target >> 12) - int64_t(r.place >> 12), 21, 5};
  case ELF::R_AARCH64_ADR_PREL_LO21:
    return Field{distance, 21, 5};
  case ELF::R_AARCH64_LD_PREL_LO19:
  case ELF::R_AARCH64_CONDBR19:
    return Field{distance, 19, 5, 2};
  case ELF::R_AARCH64_TSTBR14:
    return Field{distance, 14, 5, 2};
  case ELF::R_AARCH64_CALL26:
  case ELF::R_AARCH64_JUMP26:
    return Field{distance, 26, 0, 2};
  case ELF::R_AARCH64_ADD_ABS_LO12_NC:
  case ELF::R_AARCH64_LDST8_ABS_LO12_NC:
    return lowBits(r.target, 0);
  case ELF::R_AARCH64_LDST16_ABS_LO12_NC:
    return lowBits(r.target, 1);
  case ELF::R_AARCH64_LDST32_ABS_LO12_NC:
    return lowBits(r.target, 2);
  case ELF::R_AARCH64_LDST64_ABS_LO12_NC:
    return lowBits(r.target, 3);
  case ELF::R_AARCH64_LDST128_ABS_LO12_NC:
    return lowBits(r.target, 4);
  }
  return std::nullopt;
}

/// The instruction `word` with `value` in its field.
static uint32_t insert(uint32_t word, uint32_t type, const Field &field) {
  uint64_t value = uint64_t(field.value) >> field.scale;
  if (type == ELF::R_AARCH64_ADR_PREL_PG_HI21 ||
      type == ELF::R_AARCH64_ADR_PREL_LO21) {
    word = (word & ~(3u << 29)) | (value & 3) << 29;
    value = value >> 2;
  }
  unsigned bits = field.bits == 21 ? 19 : field.bits;
  uint32_t mask = maskTrailingOnes<uint32_t>(bits) << field.at;
  return (word & ~mask) | (uint32_t(value << field.at) & mask);
}

Status mica::relocateAArch64(MutableArrayRef<uint8_t> image,
                             const Relocation &r) {
  int64_t distance = r.target - int64_t(r.place);
  bool wide = r.type == ELF::R_AARCH64_PREL64;
  if (Status s = checkPlace(image, r, wide ? 8 : 4); !s)
    return s;
  uint8_t *place = &image[r.place];
  if (wide || r.type == ELF::R_AARCH64_PREL32) {
    if (!wide && !isInt<32>(distance))
      return tooFar(ELF::EM_AARCH64, r, distance);
    wide ? support::endian::write64le(place, distance)
         : support::endian::write32le(place, distance);
    return Status();
  }
  std::optional<Field> field = fieldOf(r);
  if (!field)
    return unexpected(ELF::EM_AARCH64, r.type);
  unsigned bits = field->bits + field->scale;
  if (field->value & maskTrailingOnes<uint64_t>(field->scale) ||
      (field->isSigned && !isIntN(bits, field->value)))
    return tooFar(ELF::EM_AARCH64, r, field->value);
  support::endian::write32le(
      place, insert(support::endian::read32le(place), r.type, *field));
  return Status();
}
