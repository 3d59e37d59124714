//===- Artifact.h - A .mica file, mapped ------------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ARTIFACT_H
#define RUNTIME_ARTIFACT_H

#include "mica/Status.h"
#include "mica/abi.h"
#include "mica/artifact.h"
#include "runtime/Manifest.h"
#include "runtime/Memory.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mica {

/// A file mapped for reading.
class Mapping {
public:
  Mapping() = default;
  /// Maps `size` bytes of `fd` from `offset`, a multiple of MICA_PAGE, as the
  /// address then is. From offset 0 it is one of the huge page, so that those
  /// of the page cache can be mapped as such.
  static Expected<Mapping> create(int fd, uint64_t offset, uint64_t size,
                                  bool executable, const std::string &file);
  Mapping(Mapping &&other) noexcept { swap(other); }
  Mapping &operator=(Mapping &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Mapping();

  std::span<const uint8_t> bytes() const { return {data, size}; }

private:
  void swap(Mapping &other) noexcept {
    std::swap(data, other.data);
    std::swap(size, other.size);
    std::swap(reserved, other.reserved);
    std::swap(reservedSize, other.reservedSize);
  }

  const uint8_t *data = nullptr;
  uint64_t size = 0;
  void *reserved = nullptr; // The address range that the file lies in.
  uint64_t reservedSize = 0;
};

/// A .mica file whose header, manifest, code and tokenizer have been checked.
/// Weights stay in the file's pages: they are mapped, never copied.
class Artifact {
public:
  /// Opens the file, or the artifact that a program or library carries, and
  /// checks everything but the weights, which takes a time that does not depend
  /// on their size.
  static Expected<Artifact> open(const std::string &path);

  const std::string &path() const { return file; }
  /// As it holds for the code image that runs here; for the first where none
  /// does.
  const Manifest &manifest() const { return descriptions[chosen]; }
  const mica_header &header() const;

  /// The bytes of the first section of a kind, empty if there is none.
  std::span<const uint8_t> section(mica_section_kind kind,
                                   uint32_t index = 0) const;

  /// The first code image whose features this CPU has, or what it lacks.
  Expected<uint32_t> chooseCode() const;

  /// Maps a code image for execution and returns its entry.
  Expected<mica_entry> loadCode(uint32_t index);

  /// The addresses of the weights, [layer * slots + slot], 0 where there is
  /// none. When guarded, each weight is copied to where an inaccessible page
  /// follows it.
  Expected<std::vector<uint64_t>> weightAddresses(bool guarded);

  /// Checks the weights' checksum. `progress` is told the bytes done.
  Status verifyWeights(const std::function<void(uint64_t)> &progress) const;

private:
  Status checkHeader() const;
  Status checkSections() const;
  Status checkSums() const;
  Status readManifests();
  Status checkManifest(const Manifest &manifest) const;
  const mica_section *find(mica_section_kind kind, uint32_t index) const;
  Expected<std::vector<uint64_t>> guardWeights();

  std::string file;
  uint64_t begin = 0; // Of the artifact in the file.
  Mapping whole;
  std::vector<Mapping> images;
  std::vector<Memory> guardedWeights;
  std::vector<Manifest> descriptions; // One for each code image.
  uint32_t chosen = 0;
};

/// The name of a kind of section, for messages.
const char *sectionName(uint32_t kind);

} // namespace mica

#endif // RUNTIME_ARTIFACT_H
