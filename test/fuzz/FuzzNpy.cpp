//===- FuzzNpy.cpp - Any bytes as a .npy file -----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  (void)mica::parseNpy(bytes, "T.npy");
  (void)mica::parseFloatNpy(bytes, "L.npy");
  return 0;
}
