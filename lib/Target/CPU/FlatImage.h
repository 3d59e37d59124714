//===- FlatImage.h - Code as one block of bytes -----------------*- C++ -*-===//
//
// An object file becomes one image of code and constants that runs wherever it
// is mapped: no relocations, no writable data, no symbols of others.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TARGET_CPU_FLATIMAGE_H
#define LIB_TARGET_CPU_FLATIMAGE_H

#include "mica/Status.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mica {

/// An image and where its functions begin.
struct FlatImage {
  /// Code, then constants; to be mapped at a multiple of 4096: code of AArch64
  /// knows how many such pages lie between it and what it names.
  std::vector<uint8_t> bytes;
  /// Offsets of the public functions in `bytes`.
  std::map<std::string, uint64_t> symbols;

  std::optional<uint64_t> find(const std::string &name) const {
    auto it = symbols.find(name);
    return it == symbols.end() ? std::nullopt
                               : std::optional<uint64_t>(it->second);
  }
};

/// Lays out the sections of `object`, an ELF relocatable of x86-64 or AArch64,
/// and resolves its relocations. An undefined symbol, a writable section and an
/// unexpected relocation are errors that name the offender.
Expected<FlatImage> linkImage(llvm::StringRef object);

} // namespace mica

#endif // LIB_TARGET_CPU_FLATIMAGE_H
