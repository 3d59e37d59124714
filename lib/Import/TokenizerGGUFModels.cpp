//===- TokenizerGGUFModels.cpp - Each kind of tokenizer in GGUF -----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerGGUFReader.h"
#include "lib/Import/TokenizerPattern.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <unordered_map>

using namespace mica;
using namespace mica::tokenizer;

static bool isGemma(std::string_view architecture) {
  return architecture == "gemma" || architecture == "gemma2" ||
         architecture == "gemma3";
}

/// White space only, with at least one space: how Gemma's files spell what its
/// vocabulary writes with U+2581.
static bool isBlank(std::string_view token) {
  return token.find(' ') != std::string_view::npos &&
         token.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

Status TokenizerGGUFReader::readMerges() {
  auto lines = gguf.getStrings(key("merges"));
  if (!lines)
    return lines.takeError();
  std::unordered_map<std::string_view, uint32_t> ids;
  for (uint32_t id = 0; id < tokens.size(); ++id)
    ids[tokens[id]] = id;
  for (std::string_view line : *lines) {
    size_t space = line.find(' ', 1); // a piece may start with a space
    if (space == std::string_view::npos)
      return error("merges",
                   "with " + quote(line) + " found, expected two pieces");
    std::string_view left = line.substr(0, space),
                     right = line.substr(space + 1);
    auto leftId = ids.find(left), rightId = ids.find(right);
    auto merged = ids.find(std::string(left).append(right));
    if (leftId == ids.end() || rightId == ids.end() || merged == ids.end())
      return error("merges", "with " + quote(line) +
                                 " found, expected pieces of the vocabulary");
    source.merges.push_back({leftId->second, rightId->second, merged->second});
  }
  return {};
}

Status TokenizerGGUFReader::readSentencePiece() {
  source.flags = ByteFallback | FuseUnknown | DecodeSpaces;
  bool gemma = isGemma(architecture);
  auto prefixSpace = flag("add_space_prefix", true);
  if (!prefixSpace)
    return prefixSpace.takeError();
  std::string space = " ", metaspace(kMetaspace);
  if (gemma) {
    source.normalizer.push_back({StepKind::Replace, 0, space, metaspace});
  } else {
    source.preTokenizer.push_back({StepKind::Replace, 0, space, metaspace});
    if (*prefixSpace) {
      source.preTokenizer.push_back({StepKind::PrependFirst, 0, metaspace, ""});
      source.flags |= DecodeStrip;
    }
  }
  for (const std::string &token : tokens) {
    bool blank = gemma && isBlank(token);
    source.pieces.push_back(
        {blank ? replaceAll(std::string(token.size(), ' '), space, metaspace)
               : token,
         PieceKind::Normal, !token.empty()});
  }
  // Merges first: they are made of texts such as `<0x0A>`, not of the bytes.
  if (gguf.contains(key("merges"))) {
    if (Status status = readMerges(); !status)
      return status;
  } else {
    std::vector<float> byId(
        tokens.size()); // Gemma's scores are not its merges'
    for (size_t id = 0; id < byId.size(); ++id)
      byId[id] = -static_cast<float>(id);
    auto scores = gemma ? Expected(std::move(byId)) : readScores();
    if (!scores)
      return scores.takeError();
    source.merges = mergesFromScores(source.pieces, *scores);
  }
  addTokens();
  setByteIds();
  return {};
}

/// SentencePiece's unigram model, with its own normalization.
Status TokenizerGGUFReader::readUnigram() {
  source.model = ModelKind::Unigram;
  source.flags = DecodeSpaces | FloatScores;
  auto prefixSpace = flag("add_space_prefix", true);
  auto trim = flag("remove_extra_whitespaces", true);
  if (!prefixSpace || !trim)
    return prefixSpace ? trim.takeError() : prefixSpace.takeError();
  if (gguf.contains(key("precompiled_charsmap"))) {
    auto bytes = gguf.getInts(key("precompiled_charsmap"));
    if (!bytes)
      return bytes.takeError();
    for (int64_t byte : *bytes)
      source.charsmap.push_back(static_cast<char>(byte));
    source.normalizer.push_back({StepKind::Charsmap, 1, "", ""});
  }
  if (*trim) {
    source.normalizer.push_back({StepKind::ReplacePattern, 0, "^ +| +$", ""});
    source.normalizer.push_back({StepKind::ReplacePattern, 0, " {2,}", " "});
  }
  if (*prefixSpace) {
    source.normalizer.push_back({StepKind::Prepend, 0, " ", ""});
    source.flags |= DecodeStrip;
  }
  source.normalizer.push_back(
      {StepKind::Replace, 0, " ", std::string(kMetaspace)});
  auto scores = readScores();
  if (!scores)
    return scores.takeError();
  // Only words score: the unknown piece must not decide what the worst is.
  float worst = 0;
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    bool word = typeOf(id) == Normal || typeOf(id) == UserDefined;
    source.pieces.push_back(
        {tokens[id], PieceKind::Normal, word && !tokens[id].empty()});
    if (typeOf(id) == Normal)
      worst = std::min(worst, (*scores)[id]);
  }
  for (uint32_t id = 0; id < tokens.size(); ++id)
    source.scores.push_back(typeOf(id) == Normal ? (*scores)[id] : worst);
  addTokens();
  setByteIds();
  bool bytes = std::all_of(source.byteIds.begin(), source.byteIds.end(),
                           [](uint32_t id) { return id != kEmpty; });
  source.flags |= bytes ? ByteFallback : 0;
  return {};
}

/// BERT's model, whose files spell the start of a word with U+2581 and have
/// nothing in front of a piece inside.
Status TokenizerGGUFReader::readWordPiece() {
  source.model = ModelKind::WordPiece;
  source.flags = DecodeWords | DecodeTidy;
  source.maxChars = 100;
  source.continuing = "##";
  for (StepKind kind :
       {StepKind::CleanText, StepKind::SpaceChinese, StepKind::NFD,
        StepKind::StripMarks, StepKind::Lowercase})
    source.normalizer.push_back({kind, 0, "", ""});
  Expected<std::string> space = translatePattern("\\s+");
  if (!space)
    return space.takeError();
  auto split = [&](std::string pattern, SplitMode mode) {
    source.preTokenizer.push_back(
        {StepKind::Split, static_cast<uint32_t>(mode), pattern, ""});
  };
  split(std::move(*space), SplitMode::Removed);
  split(std::string(kPunctuationPattern), SplitMode::Isolated);
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    std::string_view token = tokens[id];
    bool word = token.starts_with(kMetaspace);
    std::string text = word ? std::string(token.substr(kMetaspace.size()))
                       : typeOf(id) == Normal
                           ? source.continuing + std::string(token)
                           : std::string(token);
    source.pieces.push_back({text, PieceKind::Normal, !text.empty()});
  }
  addTokens();
  source.byteIds.assign(256, kEmpty);
  return {};
}

/// The splits by the name of `tokenizer.ggml.pre`.
Status TokenizerGGUFReader::setSplit() {
  for (std::string_view text : preTokenizer->patterns) {
    Expected<std::string> pattern = translatePattern(text);
    if (!pattern)
      return pattern.takeError();
    source.preTokenizer.push_back({StepKind::Split,
                                   static_cast<uint32_t>(SplitMode::Isolated),
                                   *pattern, ""});
  }
  if (preTokenizer->ignoreMerges)
    source.flags |= IgnoreMerges;
  return {};
}

Status TokenizerGGUFReader::readByteLevel() {
  source.flags = ByteLevel;
  if (Status status = setSplit(); !status)
    return status;
  source.unknown.reset(); // every byte has a piece
  for (const std::string &token : tokens)
    source.pieces.push_back({decodeByteLevel(token).value_or(token),
                             PieceKind::Normal, !token.empty()});
  setByteIds();
  for (uint32_t id = 0; id < tokens.size(); ++id)
    if (typeOf(id) == Control) // spelled as in the text
      source.pieces[id].text = tokens[id];
  addTokens();
  return readMerges();
}
