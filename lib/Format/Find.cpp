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

/// The group format with a name such as "w4g128m" or "nf4g64-f32".
static const Format *findGroupFormat(std::string_view name) {
  const char *at = name.data(), *end = at + name.size();
  auto takes = [&](std::string_view word) {
    std::string_view rest(at, end - at);
    bool found = sameName(rest.substr(0, word.size()), word);
    at += found ? word.size() : 0;
    return found;
  };
  auto number = [&] {
    int value = 0;
    at = std::from_chars(at, end, value).ptr;
    return value;
  };
  GroupKind kind;
  if (takes("nf4"))
    kind.codes = GroupCodes::NF4;
  else if (takes("e4m3"))
    kind.codes = GroupCodes::E4M3;
  else
    kind.bits = takes("w") ? number() : 0;
  kind.size = takes("g") ? number() : 0;
  kind.min = takes("m");
  kind.zeros = takes("z");
  if (takes("-bf16"))
    kind.scale = ScaleType::BF16;
  else if (takes("-f32"))
    kind.scale = ScaleType::F32;
  return at == end ? groupFormat(kind) : nullptr;
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
