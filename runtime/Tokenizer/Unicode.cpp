//===- Unicode.cpp - UTF-8 and normal forms -------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utf8proc.h>

using namespace mica;
using namespace mica::tokenizer;

Utf8Unit tokenizer::nextUnit(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80)
    return {1, true, false};
  if (first < 0xc2 || first > 0xf4)
    return {1, false, false};
  // The second byte decides about overlong forms, surrogates and the end.
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  uint32_t size = charSize(text[0]);
  for (uint32_t i = 1; i < size; ++i, low = 0x80, high = 0xbf) {
    if (i == text.size())
      return {i, false, true};
    if (byte(i) < low || byte(i) > high)
      return {i, false, false};
  }
  return {size, true, false};
}

int32_t tokenizer::codePoint(std::string_view text) {
  utf8proc_int32_t code = 0;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &code);
  return code;
}

std::string_view tokenizer::lastChar(std::string_view text) {
  size_t at = text.size() - 1;
  while (at && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
    --at;
  return text.substr(at);
}

bool tokenizer::isSpace(int32_t code) {
  return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 ||
         code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
         code == 0x3000;
}

std::optional<std::string> tokenizer::replaceInvalid(std::string_view text) {
  size_t at = 0;
  auto skipValid = [&] {
    while (at < text.size()) {
      Utf8Unit unit = nextUnit(text.substr(at));
      if (!unit.valid)
        return false;
      at += unit.size;
    }
    return true;
  };
  if (skipValid())
    return std::nullopt;
  std::string out;
  size_t copied = 0;
  do {
    out.append(text, copied, at - copied).append(kReplacement);
    at += nextUnit(text.substr(at)).size;
    copied = at;
  } while (!skipValid());
  return out.append(text, copied, at - copied);
}

namespace {

/// Characters with a combining class, that compose with the one before, or that
/// have a decomposition, since Unicode 10: the `tokenizers` library leaves them
/// as and where they are.
struct CodeRange {
  int32_t first, last;
};
constexpr CodeRange kNewMarks[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},
    {0x9fe, 0x9fe},     {0xc3c, 0xc3c},     {0xd3b, 0xd3c},
    {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1ace},
    {0x1df6, 0x1dfa},   {0x32ff, 0x32ff},   {0xa7f2, 0xa7f4},
    {0xa82c, 0xa82c},   {0xab69, 0xab69},   {0x10781, 0x107ba},
    {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070},
    {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a},
    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193d, 0x1193e},
    {0x11943, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a34},
    {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42},
    {0x11d44, 0x11d45}, {0x11d97, 0x11d97}, {0x11f41, 0x11f42},
    {0x16ff0, 0x16ff1}, {0x1e030, 0x1e06d}, {0x1e08f, 0x1e08f},
    {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef},
    {0x1e4ec, 0x1e4ef}, {0x1f16c, 0x1f16c}, {0x1fbf0, 0x1fbf9},
};

bool isNewMark(int32_t code) {
  const auto *range = std::lower_bound(
      std::begin(kNewMarks), std::end(kNewMarks), code,
      [](const CodeRange &range, int32_t code) { return range.last < code; });
  return range != std::end(kNewMarks) && range->first <= code;
}

/// Appends the normal form of `text`, which holds no new mark.
void appendNormalForm(std::string_view text, utf8proc_option_t options,
                      std::string &out) {
  utf8proc_uint8_t *mapped = nullptr;
  utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  if (size < 0) { // out of memory: valid UTF-8 has no other failure
    out.append(text);
    return;
  }
  out.append(reinterpret_cast<char *>(mapped), static_cast<size_t>(size));
  std::free(mapped);
}

} // namespace

std::string tokenizer::normalForm(std::string_view text, NormalForm form) {
  auto isAscii = [](char c) { return static_cast<signed char>(c) >= 0; };
  if (std::all_of(text.begin(), text.end(), isAscii))
    return std::string(text);
  bool compose = form == NormalForm::C || form == NormalForm::KC;
  bool compatible = form == NormalForm::KC || form == NormalForm::KD;
  auto options = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
      (compatible ? UTF8PROC_COMPAT : 0));
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code;
    utf8proc_ssize_t size = utf8proc_iterate(
        reinterpret_cast<const utf8proc_uint8_t *>(text.data() + at),
        static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (isNewMark(code)) {
      if (begin < at)
        appendNormalForm(text.substr(begin, at - begin), options, out);
      out.append(text, at, static_cast<size_t>(size));
      begin = at + static_cast<size_t>(size);
    }
    at += static_cast<size_t>(size);
  }
  if (begin < text.size())
    appendNormalForm(text.substr(begin), options, out);
  return out;
}

std::string tokenizer::replaceAll(std::string_view text, std::string_view from,
                                  std::string_view to) {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (size_t at; (at = text.find(from, begin)) != std::string_view::npos;
       begin = at + from.size())
    out.append(text, begin, at - begin).append(to);
  return out.append(text.substr(begin));
}
