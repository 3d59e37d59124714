//===- Search.h - Blocks encoded with a small squared error -----*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_FORMAT_SEARCH_H
#define LIB_FORMAT_SEARCH_H

#include "lib/Format/Format.h"

namespace mica {

/// `quantizeRow` for any format of blocks whose scales are floats.
void quantizeBySearch(const Format &format, const float *in, int64_t n,
                      std::byte *out);

} // namespace mica

#endif // LIB_FORMAT_SEARCH_H
