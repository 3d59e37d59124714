//===- Relocations.h - Distances within an image ----------------*- C++ -*-===//
//
// What an object leaves to be filled in, one function for each architecture:
// the distance from a place to a symbol, never an address.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TARGET_CPU_RELOCATIONS_H
#define LIB_TARGET_CPU_RELOCATIONS_H

#include "mica/Status.h"
#include "llvm/ADT/ArrayRef.h"

namespace mica {

/// Writes where `target` lies, an offset in the image, to the bytes at `place`,
/// in the form that `type` (ELF's R_X86_64_… or R_AARCH64_…) asks for.
struct Relocation {
  uint32_t type;
  uint64_t place;
  int64_t target;
};

/// Applies `relocation` to `image`. A type that is no distance within the
/// image, a distance that does not fit and a place outside the image are
/// errors.
Status relocateX86(llvm::MutableArrayRef<uint8_t> image,
                   const Relocation &relocation);

/// The same for an image that is mapped at a multiple of 4096.
Status relocateAArch64(llvm::MutableArrayRef<uint8_t> image,
                       const Relocation &relocation);

} // namespace mica

#endif // LIB_TARGET_CPU_RELOCATIONS_H
