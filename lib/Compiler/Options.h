//===- Options.h - Which options make sense ---------------------*- C++ -*-===//

#ifndef LIB_COMPILER_OPTIONS_H
#define LIB_COMPILER_OPTIONS_H

#include "mica/Compile.h"

namespace mica {

/// Fails on options that are out of range, do not go together, or name what
/// does not exist.
Status checkOptions(const CompileOptions &options);

} // namespace mica

#endif // LIB_COMPILER_OPTIONS_H
