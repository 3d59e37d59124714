//===- BreakersTest.cpp - Strings found across tokens ---------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Breakers.h"
#include "lib/Import/TokenizerGGUF.h"

#include "gtest/gtest.h"

#include <set>

using namespace mica;
using namespace mica::tokenizer;

namespace {

using Sequences = std::set<std::vector<int32_t>>;

/// Those of `text` in a model of these pieces, without merges.
Sequences sequencesOf(std::string_view text,
                      const std::vector<std::string> &pieces) {
  TokenizerSource source;
  source.file = "made";
  source.flags = DecodeSpaces;
  for (const std::string &piece : pieces)
    source.pieces.push_back({piece, PieceKind::Normal, true});
  source.byteIds.assign(256, kEmpty);
  source.normalizer.push_back({StepKind::Replace, 0, " ", "\u2581"});
  auto tables = buildTokenizerTables(source);
  EXPECT_TRUE(tables) << tables.error().message;
  auto tokenizer = Tokenizer::create(std::as_bytes(std::span(*tables)));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  auto found = breakerSequences(*tokenizer, text);
  Sequences set(found.begin(), found.end());
  EXPECT_EQ(set.size(), found.size());
  return set;
}

TEST(Breakers, TokensThatContainIt) {
  EXPECT_EQ(sequencesOf("\n", {"a", "\n", ".\n\n", "b"}),
            (Sequences{{1}, {2}}));
  // U+2581 in a piece is a space.
  EXPECT_EQ(sequencesOf(" a", {"a", "\u2581",
                               "\u2581"
                               "ab"}),
            (Sequences{{1, 0}, {2}}));
  EXPECT_EQ(sequencesOf("", {"a"}), (Sequences{}));
  EXPECT_EQ(sequencesOf("z", {"a"}), (Sequences{}));
}

TEST(Breakers, TokensThatItBeginsIn) {
  // "abab" in "ab": it goes on with a, b; in "xa": with b, a, b; in "aba",
  // which ends in two beginnings of it: with b, and with b, a, b.
  EXPECT_EQ(
      sequencesOf("abab", {"a", "b", "ab", "xa", "aba", "xababx"}),
      (Sequences{
          {0, 1, 0, 1}, {2, 0, 1}, {3, 1, 0, 1}, {4, 1}, {4, 1, 0, 1}, {5}}));
}

} // namespace
