//===- TokenizerGGUF.cpp - The tokenizer of a GGUF file -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerPattern.h"
#include "lib/Import/TokenizerPre.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_map>

using namespace mica;
using namespace mica::tokenizer;

namespace {

/// The values of `tokenizer.ggml.token_type`.
enum TokenType { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

class Reader {
public:
  explicit Reader(const GGUF &gguf) : gguf(gguf) { source.file = gguf.path(); }

  Expected<TokenizerSource> run();

private:
  Status readArrays();
  Status readIds();
  Status readSentencePiece();
  Status readByteLevel();
  Status readMerges();
  Expected<std::vector<float>> readScores();
  Status readUnigram();
  Status readWordPiece();
  Status setSplit();
  void addTokens();
  void setByteIds();

  static std::string key(std::string_view name) {
    return "tokenizer.ggml." + std::string(name);
  }
  Error error(std::string_view name, const std::string &what) const {
    return Error{source.file + ": " + key(name) + " " + what};
  }
  /// A flag, or `missing` when the file has none.
  Expected<bool> flag(std::string_view name, bool missing) const {
    return gguf.contains(key(name)) ? gguf.getBool(key(name)) : missing;
  }
  Status readId(std::string_view name, std::optional<uint32_t> &id) const;
  TokenType typeOf(size_t id) const {
    return types.empty() ? Normal : static_cast<TokenType>(types[id]);
  }

  const GGUF &gguf;
  TokenizerSource source;
  std::string_view model, architecture, pre;
  const PreTokenizer *preTokenizer = nullptr;
  std::vector<std::string> tokens; // as the file spells them, or respelled
  std::vector<int64_t> types;      // empty, or one for each token
  std::optional<uint32_t> padding, separator, mask, end;
};

/// The byte of a token such as `<0x0A>`, or -1.
int byteOf(std::string_view token) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>' ||
      digit(token[3]) < 0 || digit(token[4]) < 0)
    return -1;
  return digit(token[3]) * 16 + digit(token[4]);
}

bool isGemma(std::string_view architecture) {
  return architecture == "gemma" || architecture == "gemma2" ||
         architecture == "gemma3";
}

/// White space only, with at least one space: how Gemma's files spell what its
/// vocabulary writes with U+2581.
bool isBlank(std::string_view token) {
  return token.find(' ') != std::string_view::npos &&
         token.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

} // namespace

Status Reader::readId(std::string_view name,
                      std::optional<uint32_t> &id) const {
  if (!gguf.contains(key(name)))
    return {};
  Expected<int64_t> value = gguf.getInt(key(name));
  if (!value)
    return value.takeError();
  if (*value < 0 || static_cast<uint64_t>(*value) >= tokens.size())
    return error(name, std::to_string(*value) + " found, expected below " +
                           std::to_string(tokens.size()));
  id = static_cast<uint32_t>(*value);
  return {};
}

Status Reader::readArrays() {
  auto texts = gguf.getStrings(key("tokens"));
  if (!texts)
    return texts.takeError();
  if (texts->empty())
    return error("tokens", "with 0 elements found, expected at least 1");
  tokens.assign(texts->begin(), texts->end());
  if (!gguf.contains(key("token_type")))
    return {};
  auto values = gguf.getInts(key("token_type"));
  if (!values)
    return values.takeError();
  types = std::move(*values);
  if (types.size() != tokens.size())
    return error("token_type", "with " + std::to_string(types.size()) +
                                   " elements found, expected " +
                                   std::to_string(tokens.size()));
  return {};
}

Status Reader::readIds() {
  for (auto [name, id] : {std::pair{"bos_token_id", &source.bos},
                          {"unknown_token_id", &source.unknown},
                          {"padding_token_id", &padding},
                          {"seperator_token_id", &separator},
                          {"mask_token_id", &mask}})
    if (Status status = readId(name, *id); !status)
      return status;
  for (const char *name : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
    std::optional<uint32_t> id;
    if (Status status = readId(name, id); !status)
      return status;
    if (id && std::find(source.eos.begin(), source.eos.end(), *id) ==
                  source.eos.end())
      source.eos.push_back(*id);
    if (id && !end)
      end = id;
  }
  auto addBos =
      flag("add_bos_token", model == "llama" || model == "bert" ||
                                (preTokenizer && preTokenizer->addBos));
  auto addEos = flag("add_eos_token", model == "t5");
  if (!addBos || !addEos)
    return addBos ? addEos.takeError() : addBos.takeError();
  if (*addBos && source.bos)
    source.prefix.push_back(*source.bos);
  if (*addEos && end)
    source.suffix.push_back(*end);
  else if (model == "bert" && separator)
    source.suffix.push_back(*separator);
  return {};
}

/// Added tokens: control tokens and the special ids always, user-defined ones
/// where the vocabulary spells them as the text does.
void Reader::addTokens() {
  std::vector<bool> special(tokens.size());
  for (std::optional<uint32_t> id :
       {source.bos, source.unknown, padding, separator, mask, end})
    if (id)
      special[*id] = true;
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    TokenizerSource::Piece &piece = source.pieces[id];
    if (special[id] || typeOf(id) == Control) {
      source.added.push_back({tokens[id], id, Special, false});
      piece.kind = PieceKind::Control;
    } else if (typeOf(id) == UserDefined && piece.lookup &&
               piece.text == tokens[id]) {
      source.added.push_back({tokens[id], id, 0, false});
      piece.kind = PieceKind::Added;
    }
  }
}

void Reader::setByteIds() {
  source.byteIds.assign(256, kEmpty);
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    TokenizerSource::Piece &piece = source.pieces[id];
    bool byteLevel = source.flags & ByteLevel;
    int byte = byteLevel ? -1 : byteOf(tokens[id]);
    if (byteLevel && piece.lookup && piece.text.size() == 1)
      byte = static_cast<unsigned char>(piece.text[0]);
    if (byte < 0)
      continue;
    source.byteIds[static_cast<size_t>(byte)] = id;
    if (!byteLevel)
      piece = {std::string(1, static_cast<char>(byte)), PieceKind::Byte, false};
  }
}

Expected<std::vector<float>> Reader::readScores() {
  std::vector<float> scores(tokens.size());
  auto values = gguf.getFloats(key("scores"));
  if (!values)
    return values.takeError();
  if (values->size() != tokens.size())
    return error("scores", "with " + std::to_string(values->size()) +
                               " elements found, expected " +
                               std::to_string(tokens.size()));
  for (size_t id = 0; id < scores.size(); ++id)
    if (scores[id] = (*values)[id]; std::isnan(scores[id]))
      return error("scores", "with nan for token " + std::to_string(id) +
                                 " found, expected numbers");
  return scores;
}

Status Reader::readMerges() {
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

Status Reader::readSentencePiece() {
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
Status Reader::readUnigram() {
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
Status Reader::readWordPiece() {
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
Status Reader::setSplit() {
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

Status Reader::readByteLevel() {
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

Expected<TokenizerSource> Reader::run() {
  for (auto [name, text] : {std::pair{"general.architecture", &architecture},
                            {"tokenizer.ggml.model", &model},
                            {"tokenizer.ggml.pre", &pre}}) {
    if (text == &pre && !gguf.contains(name))
      break;
    auto value = gguf.getString(name);
    if (!value)
      return value.takeError();
    *text = *value;
  }
  struct Kind {
    std::string_view name;
    Status (Reader::*read)();
  };
  constexpr Kind kinds[] = {{"llama", &Reader::readSentencePiece},
                            {"gpt2", &Reader::readByteLevel},
                            {"t5", &Reader::readUnigram},
                            {"bert", &Reader::readWordPiece}};
  const Kind *kind =
      std::find_if(std::begin(kinds), std::end(kinds),
                   [&](const Kind &kind) { return kind.name == model; });
  if (kind == std::end(kinds))
    return error("model",
                 quote(model) + " found, expected bert, gpt2, llama or t5");
  if (model == "gpt2" && !(preTokenizer = findPreTokenizer(pre)))
    return error("pre",
                 quote(pre) + " found, expected one of " + preTokenizerNames());
  for (auto step : {&Reader::readArrays, &Reader::readIds})
    if (Status status = (this->*step)(); !status)
      return status.takeError();
  if (Status status = (this->*kind->read)(); !status)
    return status.takeError();
  return std::move(source);
}

Expected<TokenizerSource> mica::tokenizerFromGGUF(const GGUF &gguf) {
  return Reader(gguf).run();
}
