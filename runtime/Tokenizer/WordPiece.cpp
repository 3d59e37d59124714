//===- WordPiece.cpp - The longest pieces of a word -----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/WordPiece.h"
#include "runtime/Tokenizer/Unicode.h"

#include <string>

using namespace mica::tokenizer;

static bool isBoundary(std::string_view text, size_t at) {
  return at == text.size() ||
         (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
}

/// The longest piece from `begin` on, whose end is put into `end`; or kEmpty.
static uint32_t longestPiece(const Tables &tables, std::string_view word,
                             size_t begin, size_t &end) {
  std::string text;
  if (begin)
    text = tables.text(tables.header.continuing);
  size_t prefix = text.size();
  text += word.substr(begin);
  for (end = word.size(); end > begin; --end) {
    if (!isBoundary(word, end))
      continue;
    std::string_view part = text;
    uint32_t id = tables.find(part.substr(0, prefix + end - begin));
    if (id != kEmpty)
      return id;
  }
  return kEmpty;
}

void mica::tokenizer::encodeWordPiece(const Tables &tables,
                                      std::string_view word,
                                      std::vector<int32_t> &ids) {
  size_t before = ids.size(), chars = 0, end = 0;
  for (size_t at = 0; at < word.size(); at += charSize(word[at]))
    ++chars;
  bool known = chars <= tables.header.maxChars;
  for (size_t begin = 0; known && begin < word.size(); begin = end) {
    uint32_t id = longestPiece(tables, word, begin, end);
    known = id != kEmpty;
    ids.push_back(static_cast<int32_t>(id));
  }
  if (known)
    return;
  ids.resize(before);
  if (tables.header.unknown != kEmpty)
    ids.push_back(static_cast<int32_t>(tables.header.unknown));
}
