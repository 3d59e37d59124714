//===- Cleaning.cpp - What normalizers of WordPiece do to a text ----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Cleaning.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <span>
#include <utf8proc.h>

using namespace mica;
using namespace mica::tokenizer;

namespace {

struct CodeRange {
  int32_t first, last;
};

/// Nonspacing marks that stay: newer than the library's tables.
constexpr CodeRange kKeptNonspacing[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8e1},
    {0x9fe, 0x9fe},     {0xafa, 0xaff},     {0xb55, 0xb55},
    {0xc04, 0xc04},     {0xc3c, 0xc3c},     {0xd00, 0xd00},
    {0xd3b, 0xd3c},     {0xd81, 0xd81},     {0xeba, 0xeba},
    {0xece, 0xece},     {0x180f, 0x180f},   {0x1885, 0x1886},
    {0x1abf, 0x1ace},   {0x1df6, 0x1dfb},   {0xa82c, 0xa82c},
    {0xa8c5, 0xa8c5},   {0xa8ff, 0xa8ff},   {0xa9bd, 0xa9bd},
    {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070},
    {0x11073, 0x11074}, {0x110c2, 0x110c2}, {0x111c9, 0x111c9},
    {0x111cf, 0x111cf}, {0x1123e, 0x1123e}, {0x11241, 0x11241},
    {0x1133b, 0x1133b}, {0x11438, 0x1143f}, {0x11442, 0x11444},
    {0x11446, 0x11446}, {0x1145e, 0x1145e}, {0x1182f, 0x11837},
    {0x11839, 0x1183a}, {0x1193b, 0x1193c}, {0x1193e, 0x1193e},
    {0x11943, 0x11943}, {0x119d4, 0x119d7}, {0x119da, 0x119db},
    {0x119e0, 0x119e0}, {0x11a01, 0x11a0a}, {0x11a33, 0x11a38},
    {0x11a3b, 0x11a3e}, {0x11a47, 0x11a47}, {0x11a51, 0x11a56},
    {0x11a59, 0x11a5b}, {0x11a8a, 0x11a96}, {0x11a98, 0x11a99},
    {0x11c30, 0x11c36}, {0x11c38, 0x11c3d}, {0x11c3f, 0x11c3f},
    {0x11c92, 0x11ca7}, {0x11caa, 0x11cb0}, {0x11cb2, 0x11cb3},
    {0x11cb5, 0x11cb6}, {0x11d31, 0x11d36}, {0x11d3a, 0x11d3a},
    {0x11d3c, 0x11d3d}, {0x11d3f, 0x11d45}, {0x11d47, 0x11d47},
    {0x11d90, 0x11d91}, {0x11d95, 0x11d95}, {0x11d97, 0x11d97},
    {0x11ef3, 0x11ef4}, {0x11f00, 0x11f01}, {0x11f36, 0x11f3a},
    {0x11f40, 0x11f40}, {0x11f42, 0x11f42}, {0x13440, 0x13440},
    {0x13447, 0x13455}, {0x16f4f, 0x16f4f}, {0x16fe4, 0x16fe4},
    {0x1cf00, 0x1cf2d}, {0x1cf30, 0x1cf46}, {0x1e000, 0x1e006},
    {0x1e008, 0x1e018}, {0x1e01b, 0x1e021}, {0x1e023, 0x1e024},
    {0x1e026, 0x1e02a}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136},
    {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef},
    {0x1e944, 0x1e94a}};

/// Marks of all kinds that stay.
constexpr CodeRange kKeptMarks[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},
    {0x9fe, 0x9fe},     {0xafa, 0xaff},     {0xb55, 0xb55},
    {0xc04, 0xc04},     {0xc3c, 0xc3c},     {0xcf3, 0xcf3},
    {0xd00, 0xd00},     {0xd3b, 0xd3c},     {0xd81, 0xd81},
    {0xeba, 0xeba},     {0xece, 0xece},     {0x1715, 0x1715},
    {0x180f, 0x180f},   {0x1abf, 0x1ace},   {0x1cf7, 0x1cf7},
    {0x1df6, 0x1dfa},   {0xa82c, 0xa82c},   {0xa8ff, 0xa8ff},
    {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070},
    {0x11073, 0x11074}, {0x110c2, 0x110c2}, {0x11145, 0x11146},
    {0x111c9, 0x111c9}, {0x111ce, 0x111cf}, {0x11241, 0x11241},
    {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x1182c, 0x1183a},
    {0x11930, 0x11935}, {0x11937, 0x11938}, {0x1193b, 0x1193e},
    {0x11940, 0x11940}, {0x11942, 0x11943}, {0x119d1, 0x119d7},
    {0x119da, 0x119e0}, {0x119e4, 0x119e4}, {0x11a01, 0x11a0a},
    {0x11a33, 0x11a39}, {0x11a3b, 0x11a3e}, {0x11a47, 0x11a47},
    {0x11a51, 0x11a5b}, {0x11a8a, 0x11a99}, {0x11d31, 0x11d36},
    {0x11d3a, 0x11d3a}, {0x11d3c, 0x11d3d}, {0x11d3f, 0x11d45},
    {0x11d47, 0x11d47}, {0x11d8a, 0x11d8e}, {0x11d90, 0x11d91},
    {0x11d93, 0x11d97}, {0x11ef3, 0x11ef6}, {0x11f00, 0x11f01},
    {0x11f03, 0x11f03}, {0x11f34, 0x11f3a}, {0x11f3e, 0x11f42},
    {0x13440, 0x13440}, {0x13447, 0x13455}, {0x16f4f, 0x16f4f},
    {0x16f7f, 0x16f87}, {0x16fe4, 0x16fe4}, {0x16ff0, 0x16ff1},
    {0x1cf00, 0x1cf2d}, {0x1cf30, 0x1cf46}, {0x1e08f, 0x1e08f},
    {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef},
    {0x1e4ec, 0x1e4ef}};

/// Format characters that stay.
constexpr CodeRange kKeptFormats[] = {
    {0x890, 0x891}, {0x8e2, 0x8e2}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}};

constexpr CodeRange kChinese[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},
                                  {0xf900, 0xfaff},   {0x20000, 0x2a6df},
                                  {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf},
                                  {0x2f800, 0x2fa1f}};

/// Lower cases that utf8proc 2.8 lacks: of a range, at a distance.
struct CaseRange {
  int32_t first, last, distance;
};
constexpr CaseRange kNewCases[] = {
    {0x1c89, 0x1c89, 1},      {0xa7cb, 0xa7cb, 0x264 - 0xa7cb},
    {0xa7cc, 0xa7cc, 1},      {0xa7ce, 0xa7ce, 1},
    {0xa7d2, 0xa7d2, 1},      {0xa7d4, 0xa7d4, 1},
    {0xa7da, 0xa7da, 1},      {0xa7dc, 0xa7dc, 0x19b - 0xa7dc},
    {0x10d50, 0x10d65, 0x20}, {0x16ea0, 0x16eb8, 0x1b},
};

bool isIn(std::span<const CodeRange> ranges, int32_t code) {
  auto range = std::lower_bound(
      ranges.begin(), ranges.end(), code,
      [](const CodeRange &range, int32_t code) { return range.last < code; });
  return range != ranges.end() && range->first <= code;
}

/// Controls, format and private characters, and U+FFFD.
bool isDropped(int32_t code) {
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_CC:
    return code != '\t' && code != '\n' && code != '\r';
  case UTF8PROC_CATEGORY_CF:
    return !isIn(kKeptFormats, code);
  case UTF8PROC_CATEGORY_CO:
    return true;
  default:
    return code == 0xfffd;
  }
}

bool isMark(int32_t code, bool all) {
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_MN:
    return all ? !isIn(kKeptMarks, code) : !isIn(kKeptNonspacing, code);
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
    return all ? !isIn(kKeptMarks, code) : code == 0x1734;
  default:
    return all && (code == 0x1cf2 || code == 0x1cf3);
  }
}

void append(int32_t code, std::string &out) {
  utf8proc_uint8_t bytes[4];
  auto size = static_cast<size_t>(utf8proc_encode_char(code, bytes));
  out.append(reinterpret_cast<char *>(bytes), size);
}

/// Calls `visit` with each character and its code.
template <class Visitor> void forEach(std::string_view text, Visitor visit) {
  for (size_t at = 0; at < text.size();) {
    std::string_view character = text.substr(at, charSize(text[at]));
    visit(character, codePoint(character));
    at += character.size();
  }
}

} // namespace

std::string tokenizer::cleanText(std::string_view text) {
  std::string out;
  forEach(text, [&](std::string_view character, int32_t code) {
    if (!isDropped(code))
      out += isSpace(code) ? " " : character;
  });
  return out;
}

std::string tokenizer::spaceChinese(std::string_view text) {
  std::string out;
  forEach(text, [&](std::string_view character, int32_t code) {
    bool chinese = isIn(kChinese, code);
    out.append(chinese ? " " : "").append(character).append(chinese ? " " : "");
  });
  return out;
}

std::string tokenizer::stripMarks(std::string_view text, bool all) {
  std::string out;
  forEach(text, [&](std::string_view character, int32_t code) {
    if (!isMark(code, all))
      out += character;
  });
  return out;
}

std::string tokenizer::lowercase(std::string_view text) {
  std::string out;
  forEach(text, [&](std::string_view, int32_t code) {
    int32_t lower = utf8proc_tolower(code);
    for (CaseRange range : kNewCases)
      if (code >= range.first && code <= range.last)
        lower = code + range.distance;
    append(lower, out);
    if (code == 0x130) // the only one with two characters
      append(0x307, out);
  });
  return out;
}

std::string_view tokenizer::stripSpace(std::string_view text, bool left,
                                       bool right) {
  while (left && !text.empty() && isSpace(codePoint(text)))
    text.remove_prefix(charSize(text[0]));
  while (right && !text.empty() && isSpace(codePoint(lastChar(text))))
    text.remove_suffix(lastChar(text).size());
  return text;
}
