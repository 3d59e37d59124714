//===- Text.cpp - Strings as Python sees them -----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utf8proc.h>

using namespace mica;
using namespace mica::chat;

/// The bytes of the first character of `text`, which is not empty.
static size_t characterSize(std::string_view text) {
  utf8proc_int32_t point;
  auto size = utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
      utf8proc_ssize_t(std::min<size_t>(text.size(), 4)), &point);
  return size > 0 ? size_t(size) : 1;
}

std::vector<std::string_view> chat::characters(std::string_view text) {
  std::vector<std::string_view> result;
  for (; !text.empty(); text.remove_prefix(result.back().size()))
    result.push_back(text.substr(0, characterSize(text)));
  return result;
}

size_t chat::countCharacters(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count)
    text.remove_prefix(characterSize(text));
  return count;
}

uint32_t chat::codePoint(std::string_view character) {
  utf8proc_int32_t point;
  auto size = utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t *>(character.data()),
      utf8proc_ssize_t(character.size()), &point);
  return size > 0 ? uint32_t(point) : uint8_t(character[0]);
}

void chat::appendCodePoint(std::string &text, uint32_t point) {
  if (!utf8proc_codepoint_valid(utf8proc_int32_t(point)))
    point = 0xfffd;
  utf8proc_uint8_t bytes[4];
  auto size = utf8proc_encode_char(utf8proc_int32_t(point), bytes);
  text.append(reinterpret_cast<char *>(bytes), size_t(size));
}

//===----------------------------------------------------------------------===//
// White space
//===----------------------------------------------------------------------===//

bool chat::isSpace(std::string_view character) {
  uint32_t c = codePoint(character);
  if (c < 0x80)
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return character.size() > 1 &&
         (c == 0x85 || c == 0xa0 || c == 0x1680 ||
          (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
          c == 0x202f || c == 0x205f || c == 0x3000);
}

/// The bytes of the last character of `text`, which is not empty.
static std::string_view lastCharacter(std::string_view text) {
  for (size_t size = std::min<size_t>(text.size(), 4); size > 1; --size) {
    std::string_view tail = text.substr(text.size() - size);
    if (characterSize(tail) == size)
      return tail;
  }
  return text.substr(text.size() - 1);
}

/// Drops characters for which `drop` holds from the ends.
template <class Drop>
static std::string_view stripIf(std::string_view text, bool left, bool right,
                                Drop drop) {
  while (left && !text.empty()) {
    std::string_view first = text.substr(0, characterSize(text));
    if (!drop(first))
      break;
    text.remove_prefix(first.size());
  }
  while (right && !text.empty()) {
    std::string_view last = lastCharacter(text);
    if (!drop(last))
      break;
    text.remove_suffix(last.size());
  }
  return text;
}

std::string_view chat::strip(std::string_view text, bool left, bool right) {
  return stripIf(text, left, right, isSpace);
}

std::string_view chat::strip(std::string_view text, std::string_view set,
                             bool left, bool right) {
  auto members = characters(set);
  return stripIf(text, left, right, [&](std::string_view character) {
    return std::find(members.begin(), members.end(), character) !=
           members.end();
  });
}

//===----------------------------------------------------------------------===//
// Case
//===----------------------------------------------------------------------===//

static std::string mapCharacters(std::string_view text,
                                 utf8proc_int32_t (*map)(utf8proc_int32_t)) {
  std::string result;
  for (std::string_view character : characters(text)) {
    uint32_t point = codePoint(character);
    if (point == 0xdf && map != utf8proc_tolower)
      result += map == utf8proc_toupper ? "SS" : "Ss";
    else if (character.size() == 1 && point >= 0x80)
      result += character;
    else
      appendCodePoint(result, uint32_t(map(utf8proc_int32_t(point))));
  }
  return result;
}

std::string chat::toUpper(std::string_view text) {
  return mapCharacters(text, utf8proc_toupper);
}

std::string chat::toLower(std::string_view text) {
  return mapCharacters(text, utf8proc_tolower);
}

std::string chat::capitalize(std::string_view text) {
  if (text.empty())
    return "";
  size_t first = characterSize(text);
  return mapCharacters(text.substr(0, first), utf8proc_totitle) +
         toLower(text.substr(first));
}

std::string chat::escapeHTML(std::string_view text) {
  std::string out;
  for (char x : text)
    out += x == '&'    ? "&amp;"
           : x == '<'  ? "&lt;"
           : x == '>'  ? "&gt;"
           : x == '\'' ? "&#39;"
           : x == '"'  ? "&#34;"
                       : std::string(1, x);
  return out;
}

//===----------------------------------------------------------------------===//
// Lines, replacement, numbers
//===----------------------------------------------------------------------===//

static bool endsLine(std::string_view character) {
  uint32_t c = codePoint(character);
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) ||
         (character.size() > 1 && (c == 0x85 || c == 0x2028 || c == 0x2029));
}

std::vector<std::string_view> chat::splitLines(std::string_view text,
                                               bool keepEnds) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = 0, next = 0;
    while (end == next && end < text.size()) {
      std::string_view character =
          text.substr(end, characterSize(text.substr(end)));
      next += character.size();
      if (endsLine(character))
        next += text.substr(end, 2) == "\r\n";
      else
        end = next;
    }
    lines.push_back(text.substr(0, keepEnds ? next : end));
    text.remove_prefix(next);
  }
  return lines;
}

std::string chat::replaceAll(std::string_view text, std::string_view from,
                             std::string_view to, int64_t most, uint64_t limit,
                             bool &fits) {
  std::string result;
  size_t place = 0;
  while (most != 0 && result.size() <= limit) {
    size_t found = text.find(from, place);
    if (found == std::string_view::npos)
      break;
    result.append(text.substr(place, found - place)).append(to);
    place = found + from.size();
    most -= most > 0;
    if (!from.empty())
      continue;
    // Before every character, and at the end.
    if (place == text.size())
      break;
    size_t size = characterSize(text.substr(place));
    if (most != 0)
      result.append(text.substr(place, size)), place += size;
  }
  fits = result.size() <= limit;
  return result.append(text.substr(place));
}

std::string chat::formatFloat(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char text[64];
  double size = std::fabs(value);
  bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  auto end = std::to_chars(text, text + sizeof(text), value,
                           fixed ? std::chars_format::fixed
                                 : std::chars_format::scientific)
                 .ptr;
  std::string result(text, end);
  if (fixed && result.find('.') == std::string::npos)
    result += ".0";
  return result;
}
