//===- AddedTokens.cpp - Find added tokens in a text ----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/AddedTokens.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <utf8proc.h>

using namespace mica;
using namespace mica::tokenizer;

AddedTokens::AddedTokens(const Tables &tables, Array<Added> tokens)
    : tokens(tokens) {
  uint32_t index = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    first[byte] = index;
    while (index < tokens.size() && static_cast<unsigned char>(tables.text(
                                        tokens[index].text)[0]) == byte)
      ++index;
  }
  first[256] = index;
}

uint32_t AddedTokens::longest(const Tables &tables,
                              std::string_view text) const {
  auto head = static_cast<unsigned char>(text[0]);
  uint32_t begin = first[head], end = first[head + 1], found = kEmpty;
  // Tokens begin..end start with the first `depth` bytes of the text.
  for (size_t depth = 1; begin < end; ++depth) {
    if (tables.text(tokens[begin].text).size() == depth)
      found = begin++;
    if (depth == text.size())
      break;
    auto firstWith = [&](unsigned byte) {
      uint32_t low = begin, high = end;
      while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        std::string_view token = tables.text(tokens[middle].text);
        if (static_cast<unsigned char>(token[depth]) < byte)
          low = middle + 1;
        else
          high = middle;
      }
      return low;
    };
    auto byte = static_cast<unsigned char>(text[depth]);
    uint32_t low = firstWith(byte);
    end = firstWith(byte + 1u);
    begin = low;
  }
  return found;
}

namespace {

/// Whether a character belongs to a word: letter, mark, digit or connector.
bool isWord(int32_t code) {
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    return code == 0x200c || code == 0x200d; // joiners
  }
}

bool touchesWord(std::string_view text, size_t begin, size_t end) {
  return (begin && isWord(codePoint(lastChar(text.substr(0, begin))))) ||
         (end < text.size() && isWord(codePoint(text.substr(end))));
}

size_t skipSpacesLeft(std::string_view text, size_t begin, size_t limit) {
  while (begin > limit) {
    std::string_view last = lastChar(text.substr(0, begin));
    if (!isSpace(codePoint(last)))
      break;
    begin -= last.size();
  }
  return std::max(begin, limit);
}

size_t skipSpacesRight(std::string_view text, size_t end) {
  while (end < text.size() && isSpace(codePoint(text.substr(end))))
    end += charSize(text[end]);
  return end;
}

} // namespace

bool AddedTokens::startsControl(const Tables &tables, std::string_view text,
                                std::string_view alsoOf) const {
  uint32_t index = tokens.size() ? longest(tables, text) : kEmpty;
  if (index == kEmpty)
    return false;
  std::string_view token = tables.text(tokens[index].text);
  return (tokens[index].flags & Special) ||
         (alsoOf.find(token) != std::string_view::npos &&
          skipSpacesRight(token, 0) < token.size());
}

bool AddedTokens::hasControl(const Tables &tables, std::string_view text,
                             std::string_view alsoOf) const {
  for (size_t at = 0; tokens.size() && at < text.size(); ++at)
    if (startsControl(tables, text.substr(at), alsoOf))
      return true;
  return false;
}

std::vector<AddedTokens::Part> AddedTokens::parts(const Tables &tables,
                                                  std::string_view text,
                                                  bool parseSpecial,
                                                  bool guarded) const {
  std::vector<Part> parts;
  size_t done = 0;
  for (size_t at = 0; tokens.size() && at < text.size();) {
    bool plain = guarded && text.substr(at).starts_with(kGuard);
    at += plain ? kGuard.size() : 0;
    if (at == text.size())
      break;
    uint32_t index = longest(tables, text.substr(at));
    if (index == kEmpty) {
      ++at;
      continue;
    }
    Added token = tokens[index];
    size_t begin = at, end = at + token.text.size;
    at = end; // also when the match does not count
    if (plain || ((token.flags & Special) && !parseSpecial) ||
        ((token.flags & SingleWord) && touchesWord(text, begin, end)) ||
        begin < done)
      continue;
    if (token.flags & StripLeft)
      begin = skipSpacesLeft(text, begin, done);
    if (token.flags & StripRight)
      end = skipSpacesRight(text, end);
    if (done < begin)
      parts.push_back({text.substr(done, begin - done), kEmpty});
    parts.push_back({text.substr(begin, end - begin), token.id});
    done = end;
  }
  if (done < text.size())
    parts.push_back({text.substr(done), kEmpty});
  return parts;
}
