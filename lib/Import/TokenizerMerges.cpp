//===- TokenizerMerges.cpp - Merges that a vocabulary implies -------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerGGUF.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

using namespace mica;

namespace {

struct Candidate {
  float score;
  uint32_t leftChars, rightChars;
  TokenizerSource::Merge merge;

  bool operator<(const Candidate &other) const { // goes first
    return std::tie(other.score, other.leftChars, other.rightChars,
                    merge.merged) <
           std::tie(score, leftChars, rightChars, other.merge.merged);
  }
};

} // namespace

std::vector<TokenizerSource::Merge>
mica::mergesFromScores(const std::vector<TokenizerSource::Piece> &pieces,
                       const std::vector<float> &scores) {
  std::unordered_map<std::string_view, uint32_t> ids;
  for (uint32_t id = 0; id < pieces.size(); ++id)
    if (pieces[id].lookup)
      ids[pieces[id].text] = id;

  std::vector<Candidate> candidates;
  std::vector<size_t> starts; // of the characters of a piece
  for (uint32_t id = 0; id < pieces.size(); ++id) {
    std::string_view text = pieces[id].text;
    if (!pieces[id].lookup || ids[text] != id)
      continue;
    starts.clear();
    for (size_t at = 0; at < text.size(); at += tokenizer::charSize(text[at]))
      starts.push_back(at);
    for (uint32_t i = 1; i < starts.size(); ++i) {
      auto left = ids.find(text.substr(0, starts[i]));
      auto right = ids.find(text.substr(starts[i]));
      if (left != ids.end() && right != ids.end())
        candidates.push_back({scores[id],
                              i,
                              static_cast<uint32_t>(starts.size()) - i,
                              {left->second, right->second, id}});
    }
  }
  std::sort(candidates.begin(), candidates.end());

  std::vector<TokenizerSource::Merge> merges;
  merges.reserve(candidates.size());
  for (const Candidate &candidate : candidates)
    merges.push_back(candidate.merge);
  return merges;
}
