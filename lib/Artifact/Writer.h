//===- Writer.h - Writes a .mica file -------------------------*- C++ -*-===//
//
// Sections are streamed in the order in which they are begun, so no section is
// ever held in memory; the header comes last (include/mica/artifact.h).
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_ARTIFACT_WRITER_H
#define LIB_ARTIFACT_WRITER_H

#include "lib/Artifact/OutputFile.h"
#include "mica/Hash.h"
#include "mica/Status.h"
#include "mica/artifact.h"

#include <optional>
#include <string_view>

namespace mica {

/// Writes one artifact. Destroyed without `finish`, it leaves no file.
///
///   begin(kind, index); write(...); align(64); write(...); end();
///
/// The same calls with the same bytes give the same file.
class ArtifactWriter {
public:
  /// Behind the bytes of `carrier`, a program or a library, if there are any:
  /// the file then is one too.
  static Expected<ArtifactWriter> create(const std::string &path,
                                         std::string_view carrier = {});

  /// Begins a section at the next page of the file.
  Status begin(mica_section_kind kind, uint32_t index = 0);

  /// Appends `size` bytes to the section.
  Status write(const void *data, uint64_t size);

  /// Appends zeros until the section's size is a multiple of `alignment`, and
  /// returns that size: the offset of what is written next.
  Expected<uint64_t> align(uint64_t alignment);

  /// Ends the section.
  void end();

  /// Writes a section whose bytes are at hand.
  Status add(mica_section_kind kind, uint32_t index, std::string_view bytes);

  /// Writes the header and gives the file its name.
  Status finish();

private:
  explicit ArtifactWriter(OutputFile file) : file(std::move(file)) {}
  Status writeZeros(uint64_t size);
  Status writeTrailer();
  /// Bytes of the artifact so far.
  uint64_t position() const { return file.position() - base; }

  OutputFile file;
  uint64_t base = 0; // Where the artifact begins in the file.
  mica_header header = {};
  std::optional<Hasher> hasher; // Of the section that is open.
};

} // namespace mica

#endif // LIB_ARTIFACT_WRITER_H
