//===- ModelFlags.h - Options that say what is computed ---------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_MODELFLAGS_H
#define TOOLS_MICA_MODELFLAGS_H

#include "mica/Compile.h"

#include "CLI/CLI.hpp"

namespace mica {

/// Adds the options that change what a compiled model computes or keeps:
/// precision, the cache, the sizes of steps.
void addModelFlags(CLI::App &app, CompileOptions &options);

} // namespace mica

#endif // TOOLS_MICA_MODELFLAGS_H
