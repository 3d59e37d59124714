//===- Base64.h - Bytes from base 64 ----------------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_BASE64_H
#define LIB_IMPORT_BASE64_H

#include <optional>
#include <string>
#include <string_view>

namespace mica {

/// The bytes of a text in base 64 (RFC 4648), or none if it has other
/// characters.
std::optional<std::string> decodeBase64(std::string_view text);

} // namespace mica

#endif // LIB_IMPORT_BASE64_H
