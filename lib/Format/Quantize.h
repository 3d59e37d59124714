//===- Quantize.h - How numbers are encoded ---------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_FORMAT_QUANTIZE_H
#define LIB_FORMAT_QUANTIZE_H

#include "lib/Format/Format.h"

namespace mica {

/// Whether `quantizeRow` writes the format.
bool canQuantize(const Format &format);

/// Encodes `n` elements, a multiple of `format.blockElements`, into
/// `format.rowBytes(n)` bytes at `out`. The same bits on every host:
///
/// - floats are rounded to the nearest, of two the even one;
/// - F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, TQ1_0, TQ2_0 and MXFP4 are those
///   that GGUF's reference writes;
/// - elsewhere scales, minima and codes are searched for a small squared error;
///   on random rows it is less than that of ggml's quantizers. Scales stop at
///   the ends of f16; what is not finite counts as 0.
void quantizeRow(const Format &format, const float *in, int64_t n,
                 std::byte *out);

} // namespace mica

#endif // LIB_FORMAT_QUANTIZE_H
