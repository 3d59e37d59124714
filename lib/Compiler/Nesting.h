//===- Nesting.h - Modules that are nested without end ----------*- C++ -*-===//

#ifndef LIB_COMPILER_NESTING_H
#define LIB_COMPILER_NESTING_H

#include "mica/Status.h"

#include <string>
#include <string_view>

namespace mica {

/// How many brackets of the text of a module lie in each other at most.
size_t moduleNesting(std::string_view text);

/// Refuses a file whose brackets lie deeper than any module's do: MLIR's parser
/// calls itself for each. Says nothing of files that cannot be read.
Status checkNesting(const std::string &path);

} // namespace mica

#endif // LIB_COMPILER_NESTING_H
