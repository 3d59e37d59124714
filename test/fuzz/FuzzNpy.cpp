//===- FuzzNpy.cpp - Any bytes as a .npy file -----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Npy.h"

#include <sys/mman.h>
#include <unistd.h>

/// Reads parts of it as of a file of logits.
static void readParts(std::string_view bytes) {
  static const int fd = memfd_create("logits", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (ftruncate(fd, 0) || pwrite(fd, bytes.data(), bytes.size(), 0) < 0)
    return;
  auto file = mica::NpyReader::open(path);
  if (!file)
    return;
  std::vector<float> values(3);
  for (uint64_t at : {uint64_t(0), uint64_t(2), ~uint64_t(0) / 4})
    (void)file->read(at, values);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  (void)mica::parseNpy(bytes, "T.npy");
  (void)mica::parseFloatNpy(bytes, "L.npy");
  readParts(bytes);
  return 0;
}
