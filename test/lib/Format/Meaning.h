//===- Meaning.h - What a code of a format stands for -----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_LIB_FORMAT_MEANING_H
#define TEST_LIB_FORMAT_MEANING_H

#include "lib/Format/Format.h"

namespace mica::test {

/// c(i) - integerZero() of the formula of `BlockRow` for that code.
inline double meaningOf(const Format &format, uint8_t code) {
  if (!format.values.empty())
    return format.values[code];
  if (!format.floatValues.empty())
    return format.floatValues[code];
  if (format.encoding != Encoding::Float)
    return code - format.integerZero();
  std::byte byte{code};
  double value;
  decodeRow(*findFormat("F8_E4M3"), &byte, 1, &value);
  return value;
}

} // namespace mica::test

#endif // TEST_LIB_FORMAT_MEANING_H
