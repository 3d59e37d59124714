//===- TokenizerTest.cpp - Tables, merges and streaming text --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Tokenizer.h"
#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerJson.h"
#include "lib/Import/TokenizerPattern.h"
#include "runtime/Tokenizer/Unicode.h"

#include <array>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>

using namespace mica;
using namespace mica::tokenizer;

/// A SentencePiece-style model: `pieces`, then the 256 bytes from id 100 on.
static TokenizerSource makeSource(std::vector<std::string> pieces) {
  TokenizerSource source;
  source.file = "made";
  source.flags = ByteFallback | FuseUnknown | DecodeSpaces;
  for (const std::string &piece : pieces)
    source.pieces.push_back({piece, PieceKind::Normal, true});
  source.merges = mergesFromScores(
      source.pieces, std::vector<float>(source.pieces.size(), 0.0f));
  source.pieces.resize(100);
  for (int byte = 0; byte < 256; ++byte) {
    source.byteIds.push_back(100 + static_cast<uint32_t>(byte));
    source.pieces.push_back(
        {std::string(1, static_cast<char>(byte)), PieceKind::Byte, false});
  }
  source.normalizer.push_back({StepKind::Replace, 0, " ", "\u2581"});
  return source;
}

static Expected<Tokenizer> load(const std::string &tables) {
  return Tokenizer::create(std::as_bytes(std::span(tables)));
}

using Ids = std::vector<int32_t>;

TEST(Tokenizer, MergesByRankThenFromTheLeft) {
  TokenizerSource source = makeSource({"a", "b", "c", "ab", "bc", "aa"});
  source.merges = {{1, 2, 4}, {0, 1, 3}, {0, 0, 5}};
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables);
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{0, 4}));
  EXPECT_EQ(tokenizer->encode("aab"), (Ids{0, 3}));
  EXPECT_EQ(tokenizer->encode("aaa"), (Ids{5, 0}));
  EXPECT_EQ(tokenizer->encode("a\xc3\xa9"), (Ids{0, 100 + 0xc3, 100 + 0xa9}));
}

TEST(Tokenizer, AddedTokensAreLongestAndMayBeText) {
  TokenizerSource source = makeSource({"<", "s", ">", "<s>", "<s>>"});
  source.merges.clear();
  source.added = {{"<s>", 3, Special, false}, {"<s>>", 4, 0, false}};
  source.pieces[3].kind = PieceKind::Control;
  source.prefix = {3};
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables);
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("<s>s<s>>"), (Ids{3, 3, 1, 4}));
  EXPECT_EQ(tokenizer->encode("<s>", {false, false}), (Ids{0, 1, 2}));
  EXPECT_EQ(tokenizer->decode(Ids{3, 1}), "s");
  EXPECT_EQ(tokenizer->decode(Ids{3, 1}, true), "<s>s");
}

// Special tokens in what was guarded are text, those around it are not.
TEST(Tokenizer, GuardedText) {
  TokenizerSource source = makeSource({"<", "s", ">", "<s>", "<s>>", "[", "x"});
  source.merges.clear();
  source.added = {{"<s>", 3, Special, false},
                  {"<s>>", 4, 0, false},
                  {"[", 5, Special, false},
                  {"x", 6, Special, true}};
  source.normalizer.push_back({StepKind::Replace, 0, "X", "x"});
  for (size_t id : {3, 5, 6})
    source.pieces[id] = {source.pieces[id].text, PieceKind::Control, false};
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables) << tables.error().message;
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  auto encode = [&](const std::string &text) {
    return tokenizer->encode(text, {.addSpecial = false, .guarded = true});
  };
  auto guard = [&](std::string_view text) { return tokenizer->guard(text); };
  int32_t bracket = 100 + '[', letter = 100 + 'x';
  EXPECT_EQ(encode("<s>" + guard("<s>") + "<s>"), (Ids{3, 0, 1, 2, 3}));
  EXPECT_EQ(encode("<s>" + guard("s<s><s>>[") + "["),
            (Ids{3, 1, 0, 1, 2, 4, bracket, 5}));
  // Any token that a template has, too.
  EXPECT_EQ(encode("<s>>" + tokenizer->guard("<s>>s", "{{'<s>>'}}")),
            (Ids{4, 0, 1, 2, 2, 1}));
  // Where the normalizer makes it, too.
  EXPECT_EQ(encode("x<s>" + guard("sX") + "<s>X"),
            (Ids{6, 3, 1, letter, 3, 6}));
  EXPECT_EQ(guard("s<s> \xef\xb7\x90"), "s\xef\xb7\x90<s> \ufffd");
  EXPECT_EQ(guard(""), "");
  // A guard that is left over is nothing, and without the option a character.
  EXPECT_EQ(encode("\xef\xb7\x90"), Ids{});
  EXPECT_EQ(tokenizer->encode("\xef\xb7\x90"),
            (Ids{100 + 0xef, 100 + 0xb7, 100 + 0x90}));
}

TEST(Tokenizer, ScoresOrderMerges) {
  TokenizerSource source = makeSource({"a", "b", "ab", "aba", "ba"});
  auto merges = mergesFromScores(source.pieces, {0, 0, -2, -1, -3});
  // Of one piece the split with the longest left part goes first.
  std::vector<std::array<uint32_t, 3>> found;
  for (std::span pieces(merges); const auto &merge : pieces)
    if (merge.merged < 5)
      found.push_back({merge.left, merge.right, merge.merged});
  EXPECT_EQ(found, (std::vector<std::array<uint32_t, 3>>{
                       {2, 0, 3}, {0, 4, 3}, {0, 1, 2}, {1, 0, 4}}));
}

/// A unigram model whose characters "A" become "a", by SentencePiece's map.
static TokenizerSource makeUnigram() {
  TokenizerSource source = makeSource({"a", "b", "ab", "bc", "<unk>"});
  source.model = ModelKind::Unigram;
  source.flags = DecodeSpaces;
  source.merges.clear();
  source.scores = {-1, -1, -1.5, -9, 0};
  source.unknown = 4;
  std::array<uint32_t, 69> units = {4 * 68, 1 << 10};
  units[1 + (1 ^ 'A')] = 2 << 10 | 1 << 8 | 'A';
  units[1 + (1 ^ 'A' ^ 2)] = 1u << 31;
  source.charsmap.assign(reinterpret_cast<char *>(units.data()), sizeof(units));
  source.charsmap += std::string("a\0", 2);
  source.normalizer.push_back({StepKind::Charsmap, 0, "", ""});
  return source;
}

TEST(Tokenizer, UnigramTakesTheBestSum) {
  auto tables = buildTokenizerTables(makeUnigram());
  ASSERT_TRUE(tables);
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("abb"), (Ids{2, 1}));
  EXPECT_EQ(tokenizer->encode("AB"), (Ids{0, 4}));
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{0, 3})); // -10, not -1.5 - 19
  EXPECT_EQ(tokenizer->encode("xyb"), (Ids{4, 1})); // unknown ones are one
}

TEST(Tokenizer, WordPieceTakesTheLongest) {
  TokenizerSource source = makeSource({"a", "ab", "##b", "##bc", "?"});
  source.model = ModelKind::WordPiece;
  source.flags = DecodeWords | DecodeTidy;
  source.merges.clear();
  source.continuing = "##";
  source.maxChars = 4;
  source.unknown = 4;
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables);
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("abbc"), (Ids{1, 3}));
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{4}));   // no piece for what is left
  EXPECT_EQ(tokenizer->encode("abbbb"), (Ids{4})); // too long
  EXPECT_EQ(tokenizer->decode(Ids{1, 3, 0, 4}), "abbc a?");
}

TEST(Tables, BrokenUnigramsNeverCrash) {
  auto tables = buildTokenizerTables(makeUnigram());
  ASSERT_TRUE(tables);
  for (size_t size = 0; size < tables->size(); ++size)
    ASSERT_FALSE(load(tables->substr(0, size))) << size;
  for (size_t bit = 0; bit < tables->size() * 8; ++bit) {
    std::string flipped = *tables;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    if (auto tokenizer = load(flipped))
      for (int32_t id : tokenizer->encode("abA \xc3\xa9"))
        ASSERT_TRUE(id >= 0 && id < tokenizer->vocabSize()) << bit;
  }
}

TEST(Detokenizer, NeverSplitsACharacter) {
  TokenizerSource source = makeSource({"a", "\u2581"});
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables);
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer);
  Detokenizer text(*tokenizer);
  for (int32_t byte : {0xf0, 0x9f, 0x98})
    EXPECT_EQ(text.push(100 + byte), "");
  EXPECT_EQ(text.push(100 + 0x80), "\U0001F600");
  EXPECT_EQ(text.push(1), " ");
  EXPECT_EQ(text.push(100 + 0xe2), "");
  EXPECT_EQ(text.push(0), "\ufffda"); // the character stays incomplete
  EXPECT_EQ(text.push(100 + 0xc3), "");
  EXPECT_EQ(text.push(-1), "");
  EXPECT_EQ(text.push(1 << 20), "");
  EXPECT_EQ(text.finish(), "\ufffd");
  EXPECT_EQ(text.finish(), "");
}

TEST(Detokenizer, DropsOneLeadingSpace) {
  TokenizerSource source = makeSource({"a", "\u2581"});
  source.flags |= DecodeStrip;
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables);
  auto tokenizer = load(*tables);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->decode(Ids{1, 1, 0}), " a");
  Detokenizer behindPrompt(*tokenizer, true);
  EXPECT_EQ(behindPrompt.push(1), " ");
}

TEST(Tables, EveryTruncationIsAnError) {
  auto tables = buildTokenizerTables(makeSource({"a", "b", "ab"}));
  ASSERT_TRUE(tables);
  for (size_t size = 0; size < tables->size(); ++size) {
    auto tokenizer = load(tables->substr(0, size));
    ASSERT_FALSE(tokenizer) << size;
    EXPECT_EQ(tokenizer.error().message.find('\n'), std::string::npos);
  }
}

TEST(Tables, FlippedBitsNeverCrash) {
  TokenizerSource source = makeSource({"a", "b", "ab"});
  source.preTokenizer.push_back({StepKind::Split,
                                 static_cast<uint32_t>(SplitMode::Isolated),
                                 "\\w+", ""});
  source.added = {{"<s>", 3, Special, false}};
  auto tables = buildTokenizerTables(source);
  ASSERT_TRUE(tables);
  size_t accepted = 0;
  for (size_t bit = 0; bit < tables->size() * 8; ++bit) {
    std::string flipped = *tables;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    if (auto tokenizer = load(flipped)) {
      ++accepted;
      for (int32_t id : tokenizer->encode("ab<s> \xc3\xa9"))
        ASSERT_TRUE(id >= 0 && id < tokenizer->vocabSize());
    }
  }
  EXPECT_LT(accepted, tables->size() * 8);
}

/// A byte-level tokenizer.json with one merge and one special token.
static std::string byteLevelJson() {
  nlohmann::ordered_json vocab = nlohmann::ordered_json::object();
  for (uint32_t byte = 0, next = 256; byte < 256; ++byte) {
    bool shown = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    uint32_t c = shown ? byte : next++;
    std::string text =
        c < 128 ? std::string(1, char(c))
                : std::string{char(0xc0 | c >> 6), char(0x80 | c % 64)};
    vocab[text] = byte;
  }
  vocab["ab"] = 256;
  nlohmann::ordered_json level = {{"type", "ByteLevel"},
                                  {"add_prefix_space", false},
                                  {"trim_offsets", true},
                                  {"use_regex", true}};
  nlohmann::ordered_json json = {
      {"version", "1.0"},
      {"added_tokens",
       nlohmann::ordered_json::array(
           {{{"id", 257}, {"content", "<s>"}, {"special", true}}})},
      {"normalizer", nullptr},
      {"pre_tokenizer", level},
      {"decoder", level},
      {"model",
       {{"type", "BPE"},
        {"vocab", vocab},
        {"merges", nlohmann::ordered_json::array({"a b"})}}}};
  return json.dump();
}

// Whatever is damaged, the answer is a tokenizer or one line.
TEST(TokenizerJson, DamagedFiles) {
  std::string whole = byteLevelJson();
  size_t refused = 0;
  std::mt19937 random(1);
  for (int i = 0; i <= 1000; ++i) {
    std::string text = whole; // The first one stays whole.
    if (i % 5 == 4)
      text.resize(random() % text.size());
    else if (i)
      for (uint32_t flips = 1 + random() % 3; flips--;)
        text[random() % text.size()] ^= char(1 << random() % 8);
    auto source = parseTokenizerJson(
        {MappedFile::borrow("tokenizer.json", std::as_bytes(std::span(text))),
         {},
         {},
         {}});
    auto tables = source ? buildTokenizerTables(*source)
                         : Expected<std::string>(source.takeError());
    if (tables) {
      auto tokenizer = load(*tables);
      ASSERT_TRUE(tokenizer) << tokenizer.error().message;
      for (int32_t id : tokenizer->encode("ab<s> \xc3\xa9"))
        ASSERT_TRUE(id >= 0 && id < tokenizer->vocabSize());
      continue;
    }
    ++refused;
    ASSERT_NE(i, 0) << tables.error().message;
    EXPECT_EQ(tables.error().message.find('\n'), std::string::npos);
  }
  EXPECT_GT(refused, 200u);
}

TEST(Tables, ErrorsSayWhatWasFound) {
  TokenizerSource source = makeSource({"a"});
  source.prefix = {1000};
  EXPECT_EQ(
      buildTokenizerTables(source).error().message,
      "made: tokenizer tables: special id 1000 found, expected below 356");
  source = makeSource({"a"});
  source.preTokenizer.push_back({StepKind::Split, 1, "(", ""});
  EXPECT_EQ(buildTokenizerTables(source).error().message,
            "made: tokenizer tables: split pattern: at byte 1 'missing closing "
            "parenthesis' found, expected a regular expression");
}

TEST(Unicode, InvalidPartsAreReplaced) {
  EXPECT_FALSE(replaceInvalid("a\u00e9\U0001F600"));
  // As Python's errors='replace': one for each maximal part.
  EXPECT_EQ(*replaceInvalid("\xf0\x9f\x98"), "\ufffd");
  EXPECT_EQ(*replaceInvalid("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(*replaceInvalid("a\xc3(\xe2\x96"), "a\ufffd(\ufffd");
}

TEST(Unicode, NormalFormLeavesMarksNewerThanUnicode9) {
  EXPECT_EQ(normalForm("e\u0301", NormalForm::C), "\u00e9");
  EXPECT_EQ(normalForm("a\u0301\u0323", NormalForm::C), "\u1ea1\u0301");
  EXPECT_EQ(normalForm("a\u0898\u0323", NormalForm::C), "a\u0898\u0323");
}

TEST(Split, TranslatesOniguruma) {
  auto space = translatePattern("\\s+[^\\S\\n]");
  ASSERT_TRUE(space);
  EXPECT_EQ(*space, "\\p{White_Space}+[^\\P{White_Space}\\n]");
  EXPECT_FALSE(translatePattern("[a[b]]"));
  auto pattern = translatePattern("\\p{L}+");
  ASSERT_TRUE(pattern);
  auto compiled = Pattern::create(*pattern);
  ASSERT_TRUE(compiled);
  // U+31350 is a letter since Unicode 15.
  EXPECT_EQ(split("a\U00031350.b", *compiled, SplitMode::Isolated, false),
            (std::vector<std::string_view>{"a\U00031350", ".", "b"}));
}

TEST(Split, Modes) {
  auto dash = Pattern::create("-");
  ASSERT_TRUE(dash);
  using Pieces = std::vector<std::string_view>;
  auto cut = [&](SplitMode mode, bool invert = false) {
    return split("a--b-", *dash, mode, invert);
  };
  EXPECT_EQ(cut(SplitMode::Removed), (Pieces{"a", "b"}));
  EXPECT_EQ(cut(SplitMode::Removed, true), (Pieces{"-", "-", "-"}));
  EXPECT_EQ(cut(SplitMode::Isolated), (Pieces{"a", "-", "-", "b", "-"}));
  EXPECT_EQ(cut(SplitMode::MergedWithPrevious), (Pieces{"a-", "-", "b-"}));
  EXPECT_EQ(cut(SplitMode::MergedWithNext), (Pieces{"a", "-", "-b", "-"}));
  EXPECT_EQ(cut(SplitMode::Contiguous), (Pieces{"a", "--", "b", "-"}));
}
