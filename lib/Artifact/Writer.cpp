//===- Writer.cpp - Writes a .mica file -----------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Artifact/Writer.h"
#include "mica/AbiHash.h"

#include <algorithm>
#include <cassert>

using namespace mica;

static_assert(sizeof(mica_header) <= MICA_PAGE, "the header is one page");

Expected<ArtifactWriter> ArtifactWriter::create(const std::string &path,
                                                std::string_view carrier) {
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  ArtifactWriter writer(std::move(*file));
  if (!carrier.empty()) {
    if (Status s = writer.file.write(carrier.data(), carrier.size()); !s)
      return s.takeError();
    if (Status s = writer.writeZeros(-carrier.size() % MICA_CARRIED_ALIGN); !s)
      return s.takeError();
    writer.base = writer.file.position();
  }
  if (Status status = writer.writeZeros(MICA_PAGE); !status)
    return status.takeError();
  return writer;
}

Status ArtifactWriter::writeZeros(uint64_t size) {
  static const char zeros[MICA_PAGE] = {};
  while (size) {
    uint64_t piece = std::min<uint64_t>(size, sizeof(zeros));
    if (hasher)
      hasher->update(zeros, piece);
    if (Status status = file.write(zeros, piece); !status)
      return status;
    size -= piece;
  }
  return {};
}

Status ArtifactWriter::begin(mica_section_kind kind, uint32_t index) {
  assert(!hasher && "end the section before");
  if (header.sections == MICA_MAX_SECTIONS)
    return Error{file.destination() + ": more than " +
                 std::to_string(MICA_MAX_SECTIONS) + " sections"};
  if (Status status = writeZeros(-position() % MICA_PAGE); !status)
    return status;
  header.section[header.sections++] = {uint32_t(kind), index, position(), 0, 0};
  hasher.emplace();
  return {};
}

Status ArtifactWriter::write(const void *data, uint64_t size) {
  assert(hasher && "begin a section before");
  hasher->update(data, size);
  return file.write(data, size);
}

Expected<uint64_t> ArtifactWriter::align(uint64_t alignment) {
  assert(hasher && "begin a section before");
  uint64_t start = header.section[header.sections - 1].offset;
  uint64_t over = (position() - start) % alignment;
  if (Status status = writeZeros(over ? alignment - over : 0); !status)
    return status.takeError();
  return position() - start;
}

void ArtifactWriter::end() {
  assert(hasher && "begin a section before");
  mica_section &section = header.section[header.sections - 1];
  section.size = position() - section.offset;
  section.checksum = hasher->finish();
  hasher.reset();
}

Status ArtifactWriter::add(mica_section_kind kind, uint32_t index,
                           std::string_view bytes) {
  if (Status status = begin(kind, index); !status)
    return status;
  if (Status status = write(bytes.data(), bytes.size()); !status)
    return status;
  end();
  return {};
}

Status ArtifactWriter::writeTrailer() {
  mica_trailer trailer = {base, position(), {}};
  std::copy_n(MICA_TRAILER_MAGIC, sizeof(trailer.magic), trailer.magic);
  if (Status status = file.write(&trailer, sizeof(trailer)); !status)
    return status;
  return file.makeExecutable();
}

Status ArtifactWriter::finish() {
  assert(!hasher && "end the section before");
  // A whole number of pages, so that the last section can be mapped with them.
  if (Status status = writeZeros(-position() % MICA_PAGE); !status)
    return status;
  std::copy_n(MICA_ARTIFACT_MAGIC, sizeof(header.magic), header.magic);
  header.version = MICA_ARTIFACT_VERSION;
  header.abi_hash = MICA_ABI_HASH;
  header.file_size = position();
  header.checksum = hashBytes(header.section, sizeof(header.section));
  if (base)
    if (Status status = writeTrailer(); !status)
      return status;
  if (Status status = file.writeAt(base, &header, sizeof(header)); !status)
    return status;
  return file.commit();
}
