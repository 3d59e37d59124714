//===- Cohere.h - What Command R and Cohere 2 share -------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_FAMILIES_COHERE_H
#define LIB_IMPORT_FAMILIES_COHERE_H

#include "lib/Import/Families/Family.h"

namespace mica {

/// One layer norm without bias in front of attention and ffn side by side, and
/// a rope that turns neighbours.
void readCohere(Hyperparameters &in, ModelDescription &model, double theta);

} // namespace mica

#endif // LIB_IMPORT_FAMILIES_COHERE_H
