//===- Artifact.cpp - A .mica file, mapped --------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Artifact.h"

#include "mica/AbiHash.h"
#include "mica/Hash.h"
#include "runtime/CPUFeatures.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mica;

//===----------------------------------------------------------------------===//
// Mapping
//===----------------------------------------------------------------------===//

Expected<Mapping> Mapping::create(int fd, uint64_t offset, uint64_t size,
                                  bool executable, const std::string &file) {
  auto failure = [&] {
    return Error{file + ": cannot map " + std::to_string(size) +
                 " bytes: " + std::strerror(errno)};
  };
  // Pages of some systems are larger than those of the file.
  uint64_t before = offset % pageSize();
  Mapping mapping;
  mapping.reservedSize = before + size + kHugePage;
  void *reserved = mmap(nullptr, mapping.reservedSize, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED)
    return failure();
  mapping.reserved = reserved;
  auto address = reinterpret_cast<uintptr_t>(reserved);
  void *aligned =
      reinterpret_cast<void *>((address + kHugePage - 1) & -kHugePage);
  int protection = PROT_READ | (executable ? PROT_EXEC : 0);
  void *data = mmap(aligned, before + size, protection, MAP_PRIVATE | MAP_FIXED,
                    fd, off_t(offset - before));
  if (data == MAP_FAILED)
    return failure();
  madvise(data, before + size, MADV_HUGEPAGE); // Where there are such.
  mapping.data = static_cast<const uint8_t *>(data) + before;
  mapping.size = size;
  return mapping;
}

Mapping::~Mapping() {
  if (reserved)
    munmap(reserved, reservedSize);
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static std::string hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof(text), "%016llx", (unsigned long long)value);
  return text;
}

const char *mica::sectionName(uint32_t kind) {
  switch (kind) {
  case MICA_SECTION_MANIFEST:
    return "manifest";
  case MICA_SECTION_CODE:
    return "code";
  case MICA_SECTION_WEIGHTS:
    return "weights";
  case MICA_SECTION_TOKENIZER:
    return "tokenizer";
  }
  return "unknown";
}

/// "file: code 1", the subject of a message about a section.
static std::string subject(const std::string &file, const mica_section &s) {
  return file + ": " + sectionName(s.kind) + " " + std::to_string(s.index);
}

const mica_header &Artifact::header() const {
  return *reinterpret_cast<const mica_header *>(whole.bytes().data());
}

Status Artifact::checkHeader() const {
  const mica_header &h = header();
  if (std::memcmp(h.magic, MICA_ARTIFACT_MAGIC, sizeof(h.magic)) != 0)
    return Error{file + ": the first bytes are no magic of a .mica file, "
                        "expected 'MICA-22'"};
  if (h.version != MICA_ARTIFACT_VERSION)
    return Error{file + ": format version is " + std::to_string(h.version) +
                 ", expected " + std::to_string(MICA_ARTIFACT_VERSION)};
  if (h.file_size != whole.bytes().size())
    return Error{file + ": file has " + std::to_string(whole.bytes().size()) +
                 " bytes, expected " + std::to_string(h.file_size)};
  if (h.sections > MICA_MAX_SECTIONS)
    return Error{file + ": " + std::to_string(h.sections) +
                 " sections, expected at most " +
                 std::to_string(MICA_MAX_SECTIONS)};
  uint64_t checksum = hashBytes(h.section, sizeof(h.section));
  if (h.checksum != checksum)
    return Error{file + ": checksum of the section table is " + hex(checksum) +
                 ", expected " + hex(h.checksum)};
  if (h.abi_hash != MICA_ABI_HASH)
    return Error{file + ": ABI hash is " + hex(h.abi_hash) + ", expected " +
                 hex(MICA_ABI_HASH) + "; compile the model again"};
  return {};
}

Status Artifact::checkSections() const {
  uint64_t size = whole.bytes().size();
  for (uint32_t i = 0; i < header().sections; ++i) {
    const mica_section &s = header().section[i];
    if (s.kind < MICA_SECTION_MANIFEST || s.kind > MICA_SECTION_TOKENIZER)
      return Error{file + ": section " + std::to_string(i) + " is of kind " +
                   std::to_string(s.kind) + ", expected 1 to 4"};
    if (s.offset < MICA_PAGE || s.offset % MICA_PAGE || s.offset > size ||
        s.size > size - s.offset)
      return Error{subject(file, s) + " begins at " + std::to_string(s.offset) +
                   " and has " + std::to_string(s.size) +
                   " bytes, expected whole pages within the file's " +
                   std::to_string(size)};
    if (find(mica_section_kind(s.kind), s.index) != &s)
      return Error{subject(file, s) + " stands twice, expected once"};
  }
  if (!find(MICA_SECTION_MANIFEST, 0))
    return Error{file + ": no manifest, expected one"};
  return {};
}

Status Artifact::checkSums() const {
  for (uint32_t i = 0; i < header().sections; ++i) {
    const mica_section &s = header().section[i];
    if (s.kind == MICA_SECTION_WEIGHTS)
      continue;
    uint64_t checksum = hashBytes(whole.bytes().data() + s.offset, s.size);
    if (checksum != s.checksum)
      return Error{subject(file, s) + " has checksum " + hex(checksum) +
                   ", expected " + hex(s.checksum)};
  }
  return {};
}

/// Checks the manifest against the sections that it speaks of.
Status Artifact::checkManifest(const Manifest &manifest) const {
  const mica_section *code = find(MICA_SECTION_CODE, manifest.image);
  uint64_t entry = manifest.code[manifest.image].entry;
  if (!code || entry >= code->size)
    return Error{file + ": code " + std::to_string(manifest.image) + " has " +
                 std::to_string(code ? code->size : 0) +
                 " bytes, expected an entry at " + std::to_string(entry)};
  uint64_t weights = section(MICA_SECTION_WEIGHTS).size();
  if (weights != manifest.weightBytes)
    return Error{file + ": weights have " + std::to_string(weights) +
                 " bytes, expected " + std::to_string(manifest.weightBytes)};
  return {};
}

Status Artifact::readManifests() {
  auto text = section(MICA_SECTION_MANIFEST);
  auto manifests = parseManifests(
      {reinterpret_cast<const char *>(text.data()), text.size()}, file);
  if (!manifests)
    return manifests.takeError();
  descriptions = std::move(*manifests);
  for (const Manifest &manifest : descriptions)
    if (Status status = checkManifest(manifest); !status)
      return status;
  return {};
}

/// Where the artifact lies in a file of `size` bytes, MICA_PAGE or more: all of
/// it, unless it begins as something else and ends in a trailer.
static mica_trailer locate(int fd, uint64_t size) {
  mica_trailer whole = {0, size, {}}, found;
  char first[sizeof(mica_header::magic)];
  uint64_t end = size - sizeof(found);
  if (pread(fd, first, sizeof(first), 0) != sizeof(first) ||
      std::memcmp(first, MICA_ARTIFACT_MAGIC, sizeof(first)) == 0 ||
      pread(fd, &found, sizeof(found), end) != sizeof(found) ||
      std::memcmp(found.magic, MICA_TRAILER_MAGIC, sizeof(found.magic)) != 0)
    return whole;
  bool fits = found.offset % MICA_PAGE == 0 && found.offset <= end &&
              found.size == end - found.offset && found.size >= MICA_PAGE;
  return fits ? found : whole;
}

Expected<Artifact> Artifact::open(const std::string &path) {
  Artifact artifact;
  artifact.file = path;
  // Not to wait for who might write to a pipe.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (fd < 0 || fstat(fd, &info)) {
    Error error{path + ": cannot open: " + std::strerror(errno)};
    if (fd >= 0)
      close(fd);
    return error;
  }
  bool usable = S_ISREG(info.st_mode) && info.st_size >= MICA_PAGE;
  mica_trailer place = usable ? locate(fd, info.st_size) : mica_trailer();
  auto mapping =
      usable ? Mapping::create(fd, place.offset, place.size, false, path)
             : Expected<Mapping>(Mapping());
  close(fd);
  if (!S_ISREG(info.st_mode))
    return Error{path + ": no regular file, expected a .mica file"};
  if (!usable)
    return Error{path + ": file has " + std::to_string(info.st_size) +
                 " bytes, expected at least the header's " +
                 std::to_string(MICA_PAGE)};
  if (!mapping)
    return mapping.takeError();
  artifact.begin = place.offset;
  artifact.whole = std::move(*mapping);

  for (auto check :
       {&Artifact::checkHeader, &Artifact::checkSections, &Artifact::checkSums})
    if (Status status = (artifact.*check)(); !status)
      return status.takeError();
  if (Status status = artifact.readManifests(); !status)
    return status.takeError();
  // Who only looks at a file may do so where it does not run.
  if (auto code = artifact.chooseCode())
    artifact.chosen = *code;
  return artifact;
}

//===----------------------------------------------------------------------===//
// Sections
//===----------------------------------------------------------------------===//

const mica_section *Artifact::find(mica_section_kind kind,
                                   uint32_t index) const {
  for (uint32_t i = 0; i < header().sections; ++i)
    if (const mica_section &s = header().section[i];
        s.kind == uint32_t(kind) && s.index == index)
      return &s;
  return nullptr;
}

std::span<const uint8_t> Artifact::section(mica_section_kind kind,
                                           uint32_t index) const {
  const mica_section *s = find(kind, index);
  return s ? whole.bytes().subspan(s->offset, s->size)
           : std::span<const uint8_t>();
}

Expected<uint32_t> Artifact::chooseCode() const {
  if (Status status = checkFeatureMask(); !status)
    return status.takeError();
  std::string lacks;
  for (uint32_t i = 0; i < descriptions.size(); ++i) {
    const CodeImage &image = manifest().code[i];
    auto missing = missingFeatures(image.cpu, image.features);
    if (missing.empty())
      return i;
    lacks += (i ? "; " : "") + image.cpu + " (missing";
    for (const std::string &feature : missing)
      lacks += " " + feature;
    lacks += ")";
  }
  return Error{file + ": code is for " + lacks +
               ", expected code for this CPU"};
}

Expected<mica_entry> Artifact::loadCode(uint32_t index) {
  const mica_section *code = find(MICA_SECTION_CODE, index);
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return Error{file + ": cannot open: " + std::strerror(errno)};
  auto image =
      Mapping::create(fd, begin + code->offset, code->size, true, file);
  close(fd);
  if (!image)
    return image.takeError();
  // The bytes that run are those that were checked, even if the file was
  // replaced meanwhile.
  if (hashBytes(image->bytes().data(), code->size) != code->checksum)
    return Error{subject(file, *code) + " changed while it was loaded"};
  images.push_back(std::move(*image));
  const uint8_t *entry =
      images.back().bytes().data() + manifest().code[index].entry;
  return reinterpret_cast<mica_entry>(reinterpret_cast<uintptr_t>(entry));
}

Expected<std::vector<uint64_t>> Artifact::weightAddresses(bool guarded) {
  if (guarded)
    return guardWeights();
  const uint8_t *base = section(MICA_SECTION_WEIGHTS).data();
  std::vector<uint64_t> addresses;
  addresses.reserve(manifest().weightOffsets.size());
  for (int64_t offset : manifest().weightOffsets)
    addresses.push_back(
        offset < 0 ? 0 : reinterpret_cast<uintptr_t>(base + offset));
  return addresses;
}

/// A weight ends where the next one begins.
Expected<std::vector<uint64_t>> Artifact::guardWeights() {
  std::vector<int64_t> begins;
  for (int64_t offset : manifest().weightOffsets)
    if (offset >= 0)
      begins.push_back(offset);
  std::sort(begins.begin(), begins.end());
  begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
  begins.push_back(manifest().weightBytes);

  const uint8_t *base = section(MICA_SECTION_WEIGHTS).data();
  std::vector<uint64_t> copies;
  for (size_t i = 0; i + 1 < begins.size(); ++i) {
    uint64_t size = begins[i + 1] - begins[i];
    auto memory = Memory::create(size, true, "a guarded weight");
    if (!memory)
      return memory.takeError();
    uint8_t *copy = memory->place(size);
    std::memcpy(copy, base + begins[i], size);
    copies.push_back(reinterpret_cast<uintptr_t>(copy));
    guardedWeights.push_back(std::move(*memory));
  }
  std::vector<uint64_t> addresses;
  for (int64_t offset : manifest().weightOffsets) {
    auto it = std::lower_bound(begins.begin(), begins.end(), offset);
    addresses.push_back(offset < 0 ? 0 : copies[it - begins.begin()]);
  }
  return addresses;
}

Status
Artifact::verifyWeights(const std::function<void(uint64_t)> &progress) const {
  constexpr uint64_t kPiece = uint64_t(8) << 20;
  auto bytes = section(MICA_SECTION_WEIGHTS);
  const mica_section *weights = find(MICA_SECTION_WEIGHTS, 0);
  if (!weights)
    return {};
  Hasher hasher;
  for (uint64_t at = 0; at < bytes.size(); at += kPiece) {
    uint64_t size = std::min<uint64_t>(kPiece, bytes.size() - at);
    hasher.update(bytes.data() + at, size);
    if (progress)
      progress(at + size);
  }
  uint64_t checksum = hasher.finish();
  if (checksum != weights->checksum)
    return Error{subject(file, *weights) + " has checksum " + hex(checksum) +
                 ", expected " + hex(weights->checksum)};
  return {};
}
