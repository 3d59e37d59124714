//===- FuzzNpy.cpp - Any bytes as a .npy file -----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  (void)mica::parseNpy({reinterpret_cast<const char *>(data), size}, "T.npy");
  return 0;
}
