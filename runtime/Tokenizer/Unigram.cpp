//===- Unigram.cpp - The most likely pieces of a word ---------------------===//
//
// Kudo, "Subword Regularization" (2018), section 3.2: the best segmentation.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Unigram.h"
#include "runtime/Tokenizer/Unicode.h"

using namespace mica::tokenizer;

Prefixes::Prefixes(const Tables &tables) {
  uint32_t index = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    first[byte] = index;
    while (index < tables.sorted.size() &&
           static_cast<unsigned char>(tables.piece(tables.sorted[index])[0]) ==
               byte)
      ++index;
  }
  first[256] = index;
}

template <class Visitor>
void Prefixes::forEach(const Tables &tables, std::string_view text,
                       Visitor visit) const {
  auto head = static_cast<unsigned char>(text[0]);
  uint32_t begin = first[head], end = first[head + 1];
  // Pieces begin..end start with the first `depth` bytes of the text.
  for (size_t depth = 1; begin < end; ++depth) {
    uint32_t id = tables.sorted[begin];
    if (tables.piece(id).size() == depth) {
      visit(id, depth);
      ++begin;
    }
    if (depth == text.size())
      return;
    auto firstWith = [&](unsigned byte) {
      uint32_t low = begin, high = end;
      while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        std::string_view piece = tables.piece(tables.sorted[middle]);
        if (static_cast<unsigned char>(piece[depth]) < byte)
          low = middle + 1;
        else
          high = middle;
      }
      return low;
    };
    auto byte = static_cast<unsigned char>(text[depth]);
    begin = firstWith(byte);
    end = firstWith(byte + 1u);
  }
}

void Unigram::reach(size_t end, double score, uint32_t id, size_t start) {
  if (tables.has(FloatScores)) // as SentencePiece, which decides about ties
    score = static_cast<float>(score);
  Node &node = nodes[end];
  if (node.start == kEmpty || score > node.score)
    node = {score, id, static_cast<uint32_t>(start)};
}

void Unigram::findPaths(std::string_view word) {
  nodes.assign(word.size() + 1, {0, kEmpty, kEmpty});
  for (size_t at = 0; at < word.size();) {
    size_t size = charSize(word[at]);
    double score = nodes[at].score;
    bool known = false;
    prefixes.forEach(tables, word.substr(at), [&](uint32_t id, size_t length) {
      reach(at + length, tables.score[id] + score, id, at);
      known |= length == size;
    });
    if (!known)
      reach(at + size, tables.header.unknownScore + score,
            tables.header.unknown, at);
    at += size;
  }
}

void Unigram::encode(std::string_view word, std::vector<int32_t> &ids) {
  findPaths(word);
  ends.clear();
  for (size_t end = word.size(); end; end = nodes[end].start)
    ends.push_back(end);
  size_t begin = 0; // of the pieces that are unknown so far
  for (size_t i = ends.size(); i-- > 0;) {
    const Node &node = nodes[ends[i]];
    if (node.id != tables.header.unknown) {
      appendUnknown(word.substr(begin, node.start - begin), ids);
      ids.push_back(static_cast<int32_t>(node.id));
      begin = ends[i];
    }
  }
  appendUnknown(word.substr(begin), ids);
}

void Unigram::appendUnknown(std::string_view text,
                            std::vector<int32_t> &ids) const {
  if (text.empty())
    return;
  if (uint32_t id = tables.find(text); id != kEmpty) {
    ids.push_back(static_cast<int32_t>(id));
    return;
  }
  bool bytes = tables.has(ByteFallback);
  for (char c : text)
    bytes = bytes && tables.byteId[static_cast<unsigned char>(c)] != kEmpty;
  if (bytes)
    for (char c : text)
      ids.push_back(
          static_cast<int32_t>(tables.byteId[static_cast<unsigned char>(c)]));
  else if (tables.header.unknown != kEmpty)
    ids.push_back(static_cast<int32_t>(tables.header.unknown));
}
