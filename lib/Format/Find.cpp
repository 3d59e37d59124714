//===- Find.cpp - Formats by name and number ------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Format/Format.h"

#include <algorithm>
#include <charconv>

using namespace mica;

static char lower(char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

static bool sameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// The group format with a name such as "w4g128m".
static const Format *findGroupFormat(std::string_view name) {
  const char *at = name.data(), *end = at + name.size();
  auto number = [&](char letter) {
    int value = 0;
    if (at != end && lower(*at) == letter)
      at = std::from_chars(at + 1, end, value).ptr;
    return value;
  };
  int bits = number('w'), group = number('g');
  bool min = at != end && lower(*at) == 'm';
  return at + min == end ? groupFormat(bits, group, min) : nullptr;
}

const Format *mica::findFormat(std::string_view name) {
  for (const Format &format : formatTable())
    if (sameName(format.name, name))
      return &format;
  return findGroupFormat(name);
}

const Format *mica::findGGUFFormat(uint32_t type) {
  for (const Format &format : formatTable())
    if (format.ggufType >= 0 && uint32_t(format.ggufType) == type)
      return &format;
  return nullptr;
}

const Format *mica::findSafetensorsFormat(std::string_view dtype) {
  for (const Format &format : formatTable())
    if (!dtype.empty() && format.safetensorsType == dtype)
      return &format;
  return nullptr;
}
