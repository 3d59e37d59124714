//===- Charsmap.cpp - SentencePiece's map of characters -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Charsmap.h"
#include "runtime/Tokenizer/Tables.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <cstring>
#include <utf8proc.h>

using namespace mica;
using namespace mica::tokenizer;

Expected<Charsmap> Charsmap::create(std::string_view bytes) {
  Charsmap map;
  if (bytes.empty())
    return map;
  uint32_t size = 0;
  if (bytes.size() >= sizeof(size))
    std::memcpy(&size, bytes.data(), sizeof(size));
  if (bytes.size() < 8 || size < 4 || size % 4 || size > bytes.size() - 4)
    return Error{"charsmap with an array of " + std::to_string(size) + " in " +
                 std::to_string(bytes.size()) +
                 " bytes found, expected whole units within them"};
  map.units = bytes.substr(4, size);
  map.texts = bytes.substr(4 + size);
  if (replaceInvalid(map.texts))
    return Error{"charsmap with other bytes found, expected UTF-8"};
  for (size_t at = 0; at < map.texts.size();) {
    size_t end = std::min(map.texts.find('\0', at), map.texts.size());
    map.longest = std::max(map.longest, static_cast<uint32_t>(end - at));
    at = end + 1;
  }
  if (map.longest > kMaxGrowth)
    return Error{"charsmap with a text of " + std::to_string(map.longest) +
                 " bytes found, expected up to " + std::to_string(kMaxGrowth)};
  return map;
}

/// A unit, or 0, which leads nowhere, outside of the array.
uint32_t Charsmap::unit(uint32_t index) const {
  uint32_t value = 0;
  if (index < units.size() / 4)
    std::memcpy(&value, units.data() + size_t{index} * 4, 4);
  return value;
}

/// The first or the longest prefix of `text` in the map. A unit holds a label
/// (bits 0 to 7, and 31 for a value), bit 8 for "has a value", and an offset to
/// its children in bits 10 to 30, eight bits higher if bit 9 is set.
Charsmap::Match Charsmap::find(std::string_view text, bool first) const {
  auto children = [](uint32_t unit) {
    return unit >> 10 << ((unit & (1u << 9)) >> 6);
  };
  Match best = {0, ""};
  uint32_t at = children(unit(0));
  for (size_t i = 0; i < text.size() && text[i]; ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    uint32_t node = unit(at);
    if ((node & (1u << 31 | 0xff)) != byte)
      break;
    at ^= children(node);
    if (!(node >> 8 & 1))
      continue;
    uint32_t value = unit(at) & ~(1u << 31);
    // A place inside of a character is none that a model has.
    if (value >= texts.size() ||
        (static_cast<unsigned char>(texts[value]) & 0xc0) == 0x80)
      continue;
    std::string_view rest = texts.substr(value);
    best = {i + 1, rest.substr(0, rest.find('\0'))};
    if (first)
      break;
  }
  return best;
}

std::optional<std::string_view>
Charsmap::shortest(std::string_view text) const {
  Match match = find(text, true);
  return match.size ? std::optional(match.replacement) : std::nullopt;
}

std::string Charsmap::replaceLongest(std::string_view text) const {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    std::string_view rest = text.substr(at);
    Match match = find(rest, false);
    // A map that ends inside of a character would leave half of it.
    bool whole =
        match.size &&
        (at + match.size == text.size() ||
         (static_cast<unsigned char>(text[at + match.size]) & 0xc0) != 0x80);
    size_t size = whole ? match.size : charSize(rest[0]);
    out += whole ? match.replacement : rest.substr(0, size);
    at += size;
  }
  return out;
}

void Charsmap::appendCluster(std::string_view cluster, std::string &out) const {
  if (cluster.size() < 6)
    if (auto replacement = shortest(cluster)) {
      out += *replacement;
      return;
    }
  for (size_t at = 0; at < cluster.size();) {
    std::string_view character = cluster.substr(at, charSize(cluster[at]));
    out += shortest(character).value_or(character);
    at += character.size();
  }
}

std::string Charsmap::replaceGraphemes(std::string_view text) const {
  std::string out;
  size_t begin = 0;
  utf8proc_int32_t previous = -1, state = 0;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = codePoint(text.substr(at));
    if (previous >= 0 &&
        utf8proc_grapheme_break_stateful(previous, code, &state)) {
      appendCluster(text.substr(begin, at - begin), out);
      begin = at;
    }
    previous = code;
    at += charSize(text[at]);
  }
  if (begin < text.size())
    appendCluster(text.substr(begin), out);
  return out;
}
