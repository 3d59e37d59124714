//===- FuzzArtifact.cpp - Any header and manifest in a .mica file ---------===//
//
// The input's first 256 bytes are the changes of a valid header, a space for
// none; the rest is the manifest. Checksums are right unless they are changed,
// so that what lies behind them is reached.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "mica/AbiHash.h"
#include "mica/Hash.h"
#include "runtime/Artifact.h"
#include "tools/mica/Roofline.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mica;

namespace {

constexpr size_t kChanges = 256;
constexpr size_t kFields = offsetof(mica_header, section);

/// A file with one page of weights, two of code, and the manifest.
std::string makeFile(const uint8_t *changes, std::string_view manifest) {
  mica_header header = {};
  std::memcpy(header.magic, MICA_ARTIFACT_MAGIC, sizeof(header.magic));
  header.version = MICA_ARTIFACT_VERSION;
  header.abi_hash = MICA_ABI_HASH;
  header.sections = 4;
  header.section[0] = {MICA_SECTION_WEIGHTS, 0, MICA_PAGE, 128, 0};
  header.section[1] = {MICA_SECTION_CODE, 0, 2 * MICA_PAGE, 64, 0};
  header.section[2] = {MICA_SECTION_CODE, 1, 3 * MICA_PAGE, 64, 0};
  header.section[3] = {MICA_SECTION_MANIFEST, 0, 4 * MICA_PAGE, manifest.size(),
                       0};
  std::string file(4 * MICA_PAGE, '\0');
  file += manifest;
  file.resize((file.size() + MICA_PAGE - 1) / MICA_PAGE * MICA_PAGE);
  header.file_size = file.size();
  for (uint32_t i = 0; i < header.sections; ++i)
    header.section[i].checksum = hashBytes(
        file.data() + header.section[i].offset, header.section[i].size);
  auto *bytes = reinterpret_cast<uint8_t *>(&header);
  for (size_t i = kFields; i < kChanges; ++i)
    bytes[i] ^= changes[i] ^ ' ';
  header.checksum = hashBytes(header.section, sizeof(header.section));
  for (size_t i = 0; i < kFields; ++i)
    bytes[i] ^= changes[i] ^ ' ';
  std::memcpy(file.data(), &header, sizeof(header));
  return file;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < kChanges)
    return 0;
  static const int fd = memfd_create("artifact", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  std::string file = makeFile(
      data, {reinterpret_cast<const char *>(data) + kChanges, size - kChanges});
  if (ftruncate(fd, 0) || pwrite(fd, file.data(), file.size(), 0) < 0)
    return 0;
  auto artifact = Artifact::open(path);
  if (!artifact)
    return 0;
  (void)parseWork(artifact->manifest().work, path);
  if (auto code = artifact->chooseCode())
    (void)artifact->loadCode(*code);
  (void)artifact->verifyWeights({});
  for (bool guarded : {false, true})
    if (auto weights = artifact->weightAddresses(guarded))
      for (uint64_t weight : *weights)
        if (weight)
          (void)*reinterpret_cast<const volatile char *>(weight);
  return 0;
}
