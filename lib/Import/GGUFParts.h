//===- GGUFParts.h - A model in several GGUF files --------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_GGUFPARTS_H
#define LIB_IMPORT_GGUFPARTS_H

#include "lib/Import/GGUF.h"

namespace mica {

/// Opens a GGUF file, or, given the first of several parts
/// (NAME-00001-of-0000N.gguf), all of them in order. The first one holds the
/// model's metadata.
Expected<std::vector<GGUF>> openGGUFParts(const std::string &path);

} // namespace mica

#endif // LIB_IMPORT_GGUFPARTS_H
