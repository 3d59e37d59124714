//===- TokenizerPipeline.cpp - Stages of a tokenizer.json -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerPipeline.h"
#include "lib/Import/Base64.h"
#include "lib/Import/MappedFile.h"
#include "lib/Import/TokenizerPattern.h"
#include "runtime/Tokenizer/Unicode.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

using namespace mica;
using namespace mica::tokenizer;
using nlohmann::json;

namespace {

/// The string at `key`, or "" if it is missing or something else.
std::string stringAt(const json &object, const char *key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

/// The flag at `key`, or `missing`.
bool flagAt(const json &object, const char *key, bool missing) {
  auto it = object.find(key);
  return it != object.end() && it->is_boolean() ? it->get<bool>() : missing;
}

Error unknown(const TokenizerSource &source, const char *stage,
              const std::string &found, const char *wanted) {
  return Error{source.file + ": " + stage + " " + quote(found) +
               " found, expected " + wanted};
}

using StageReader = Status (*)(const json &, TokenizerSource &);

/// Calls `read` for `stage`, or for each element of a Sequence of them. Nested
/// sequences are refused, which bounds the depth.
Status forEach(const json &stage, const char *name, const char *list,
               TokenizerSource &source, StageReader read) {
  if (stage.is_null())
    return {};
  if (!stage.is_object())
    return Error{source.file + ": " + name + " a JSON " + stage.type_name() +
                 " found, expected an object"};
  if (stringAt(stage, "type") != "Sequence")
    return read(stage, source);
  auto elements = stage.find(list);
  if (elements == stage.end() || !elements->is_array())
    return unknown(source, name, "Sequence without list", list);
  for (const json &element : *elements) {
    if (!element.is_object())
      return Error{source.file + ": " + name + " a JSON " +
                   element.type_name() + " found, expected an object"};
    if (Status status = read(element, source); !status)
      return status;
  }
  return {};
}

/// The pattern or string at `pattern` of a Replace, as a step.
Status readReplace(const json &stage, TokenizerSource &source) {
  std::string content = stringAt(stage, "content");
  auto pattern = stage.find("pattern");
  bool found = pattern != stage.end() && pattern->is_object();
  if (std::string from = found ? stringAt(*pattern, "String") : "";
      !from.empty()) {
    source.normalizer.push_back({StepKind::Replace, 0, from, content});
    return {};
  }
  std::string regex = found ? stringAt(*pattern, "Regex") : "";
  if (regex.empty())
    return unknown(source, "normalizer", "Replace without pattern",
                   "a Replace of a String or a Regex");
  Expected<std::string> translated = translatePattern(regex);
  if (!translated)
    return Error{source.file + ": " + translated.error().message};
  source.normalizer.push_back(
      {StepKind::ReplacePattern, 0, std::move(*translated), content});
  return {};
}

void addBertNormalizer(const json &stage, TokenizerSource &source) {
  auto add = [&](StepKind kind) {
    source.normalizer.push_back({kind, 0, "", ""});
  };
  bool lower = flagAt(stage, "lowercase", true);
  if (flagAt(stage, "clean_text", true))
    add(StepKind::CleanText);
  if (flagAt(stage, "handle_chinese_chars", true))
    add(StepKind::SpaceChinese);
  if (flagAt(stage, "strip_accents", lower)) {
    add(StepKind::NFD);
    add(StepKind::StripMarks);
  }
  if (lower)
    add(StepKind::Lowercase);
}

Status readCharsmap(const json &stage, TokenizerSource &source) {
  auto bytes = decodeBase64(stringAt(stage, "precompiled_charsmap"));
  if (!bytes)
    return unknown(source, "normalizer", "Precompiled", "a map in base 64");
  if (!source.charsmap.empty())
    return unknown(source, "normalizer", "a second Precompiled", "one");
  source.charsmap = std::move(*bytes);
  source.normalizer.push_back({StepKind::Charsmap, 0, "", ""});
  return {};
}

Status readOneNormalizer(const json &stage, TokenizerSource &source) {
  struct Simple {
    std::string_view name;
    StepKind kind;
    uint32_t option;
  };
  constexpr std::array<Simple, 6> simple = {
      {{"NFC", StepKind::NFC, 0},
       {"NFD", StepKind::NFD, 0},
       {"NFKC", StepKind::NFKC, 0},
       {"NFKD", StepKind::NFKD, 0},
       {"Lowercase", StepKind::Lowercase, 0},
       {"StripAccents", StepKind::StripMarks, 1}}};
  std::string type = stringAt(stage, "type");
  for (const Simple &row : simple)
    if (type == row.name) {
      source.normalizer.push_back({row.kind, row.option, "", ""});
      return {};
    }
  if (type == "Prepend") {
    if (std::string text = stringAt(stage, "prepend"); !text.empty())
      source.normalizer.push_back({StepKind::Prepend, 0, text, ""});
  } else if (type == "Strip") {
    uint32_t sides = (flagAt(stage, "strip_left", true) ? 1u : 0u) |
                     (flagAt(stage, "strip_right", true) ? 2u : 0u);
    source.normalizer.push_back({StepKind::StripSpace, sides, "", ""});
  } else if (type == "Replace") {
    return readReplace(stage, source);
  } else if (type == "BertNormalizer") {
    addBertNormalizer(stage, source);
  } else if (type == "Precompiled") {
    return readCharsmap(stage, source);
  } else {
    return unknown(source, "normalizer", type,
                   "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, "
                   "Precompiled, Prepend, Replace, Strip or StripAccents");
  }
  return {};
}

void addSplit(TokenizerSource &source, SplitMode mode, bool invert,
              std::string pattern) {
  source.preTokenizer.push_back(
      {StepKind::Split,
       static_cast<uint32_t>(mode) | (invert ? kSplitInvert : 0),
       std::move(pattern), ""});
}

/// Adds a split at a published pattern.
Status addTranslated(TokenizerSource &source, SplitMode mode, bool invert,
                     std::string_view pattern) {
  Expected<std::string> translated = translatePattern(pattern);
  if (!translated)
    return Error{source.file + ": " + translated.error().message};
  addSplit(source, mode, invert, std::move(*translated));
  return {};
}

Expected<SplitMode> readMode(const json &stage, const TokenizerSource &source) {
  constexpr std::array<std::string_view, kSplitModes> modes = {
      "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
      "Contiguous"};
  std::string behavior = stringAt(stage, "behavior");
  for (uint32_t mode = 0; mode < kSplitModes; ++mode)
    if (modes[mode] == behavior)
      return static_cast<SplitMode>(mode);
  return unknown(source, "split behavior", behavior,
                 "Removed, Isolated, MergedWithPrevious, MergedWithNext or "
                 "Contiguous");
}

Status readSplit(const json &stage, TokenizerSource &source) {
  Expected<SplitMode> mode = readMode(stage, source);
  if (!mode)
    return mode.takeError();
  bool invert = flagAt(stage, "invert", false);
  auto pattern = stage.find("pattern");
  if (pattern == stage.end() || !pattern->is_object())
    return unknown(source, "split", "no pattern", "a Regex or a String");
  if (std::string text = stringAt(*pattern, "String"); !text.empty()) {
    addSplit(source, *mode, invert, literalPattern(text));
    return {};
  }
  std::string regex = stringAt(*pattern, "Regex");
  if (regex.empty())
    return unknown(source, "split", "empty pattern", "a Regex or a String");
  return addTranslated(source, *mode, invert, regex);
}

Status readByteLevel(const json &stage, TokenizerSource &source) {
  source.flags |= ByteLevel;
  if (flagAt(stage, "add_prefix_space", true))
    source.preTokenizer.push_back({StepKind::PrependAlways, 0, " ", ""});
  if (!flagAt(stage, "use_regex", true))
    return {};
  return addTranslated(source, SplitMode::Isolated, false, kGPT2Pattern);
}

/// Whether a Metaspace puts its character in front: "always", "first", "never".
std::string prependScheme(const json &stage) {
  std::string scheme = stringAt(stage, "prepend_scheme");
  if (scheme.empty()) // as older files have it
    scheme = flagAt(stage, "add_prefix_space", true) ? "always" : "never";
  return scheme;
}

Status readMetaspace(const json &stage, TokenizerSource &source) {
  std::string mark = stringAt(stage, "replacement");
  if (mark.empty())
    mark = kMetaspace;
  source.preTokenizer.push_back({StepKind::Replace, 0, " ", mark});
  std::string scheme = prependScheme(stage);
  if (scheme == "always" || scheme == "first")
    source.preTokenizer.push_back(
        {scheme == "first" ? StepKind::PrependFirst : StepKind::PrependAlways,
         0, mark, ""});
  else if (scheme != "never")
    return unknown(source, "prepend scheme", scheme, "always, first or never");
  if (flagAt(stage, "split", true))
    addSplit(source, SplitMode::MergedWithNext, false, literalPattern(mark));
  return {};
}

Status readOnePreTokenizer(const json &stage, TokenizerSource &source) {
  std::string type = stringAt(stage, "type");
  if (source.flags & ByteLevel)
    return unknown(source, "pre-tokenizer", type, "none behind ByteLevel");
  if (type == "Split")
    return readSplit(stage, source);
  if (type == "ByteLevel")
    return readByteLevel(stage, source);
  if (type == "Metaspace")
    return readMetaspace(stage, source);
  if (type == "Digits")
    return addTranslated(source, SplitMode::Isolated, false,
                         flagAt(stage, "individual_digits", false) ? "\\p{N}"
                                                                   : "\\p{N}+");
  if (type == "WhitespaceSplit")
    return addTranslated(source, SplitMode::Removed, false, "\\s+");
  if (type == "Whitespace")
    return addTranslated(source, SplitMode::Removed, true, "\\w+|[^\\w\\s]+");
  if (type == "Punctuation") {
    Expected<SplitMode> mode = stage.contains("behavior")
                                   ? readMode(stage, source)
                                   : SplitMode::Isolated;
    if (!mode)
      return mode.takeError();
    addSplit(source, *mode, false, std::string(kPunctuationPattern));
    return {};
  }
  if (type == "BertPreTokenizer") {
    addSplit(source, SplitMode::Isolated, false,
             std::string(kPunctuationPattern));
    return addTranslated(source, SplitMode::Removed, false, "\\s+");
  }
  return unknown(source, "pre-tokenizer", type,
                 "BertPreTokenizer, ByteLevel, Digits, Metaspace, Punctuation, "
                 "Split, Whitespace or WhitespaceSplit");
}

Status readOneDecoder(const json &stage, TokenizerSource &source) {
  std::string type = stringAt(stage, "type");
  if (type == "Metaspace") {
    source.flags |= DecodeSpaces;
    if (prependScheme(stage) != "never")
      source.flags |= DecodeFirst;
  } else if (type == "WordPiece") {
    source.flags |= DecodeWords;
    if (std::string prefix = stringAt(stage, "prefix");
        prefix != source.continuing)
      return unknown(source, "decoder prefix", prefix, "that of the model");
    if (flagAt(stage, "cleanup", true))
      source.flags |= DecodeTidy;
  } else if (type == "Replace") {
    auto pattern = stage.find("pattern");
    if (pattern == stage.end() || !pattern->is_object() ||
        stringAt(*pattern, "String") != kMetaspace ||
        stringAt(stage, "content") != " ")
      return unknown(source, "decoder", "another Replace",
                     "U+2581 replaced by a space");
    source.flags |= DecodeSpaces;
  } else if (type == "Strip") {
    if (stringAt(stage, "content") == " ")
      source.flags |= DecodeStrip;
  } else if (type != "ByteLevel" && type != "ByteFallback" && type != "Fuse") {
    return unknown(
        source, "decoder", type,
        "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip or "
        "WordPiece");
  }
  return {};
}

/// Appends the ids of one element of a template to the front or back part.
Status readTemplateElement(const json &element, const json &special,
                           bool &afterText, TokenizerSource &source) {
  if (element.is_object() && element.contains("Sequence")) {
    afterText = true;
    return {};
  }
  auto token =
      element.is_object() ? element.find("SpecialToken") : element.end();
  if (token == element.end() || !token->is_object())
    return unknown(source, "post-processor", "another element",
                   "Sequence or SpecialToken");
  std::string name = stringAt(*token, "id");
  auto entry = special.find(name);
  if (entry == special.end() || !entry->is_object() ||
      !entry->contains("ids") || !(*entry)["ids"].is_array())
    return unknown(source, "post-processor", name, "a special token with ids");
  for (const json &id : (*entry)["ids"]) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= source.pieces.size())
      return unknown(source, "post-processor", name, "an id of the vocabulary");
    (afterText ? source.suffix : source.prefix).push_back(id.get<uint32_t>());
  }
  return {};
}

/// The tokens around a text, each as `["</s>", 2]`.
Status readPair(const json &stage, TokenizerSource &source) {
  for (auto [name, ids] :
       {std::pair{"cls", &source.prefix}, {"sep", &source.suffix}}) {
    auto token = stage.find(name);
    if (token == stage.end() || !token->is_array() || token->size() != 2 ||
        !(*token)[1].is_number_unsigned() ||
        (*token)[1].get<uint64_t>() >= source.pieces.size())
      return unknown(source, "post-processor", name,
                     "a token and its id of the vocabulary");
    ids->push_back((*token)[1].get<uint32_t>());
  }
  return {};
}

Status readOnePostProcessor(const json &stage, TokenizerSource &source) {
  std::string type = stringAt(stage, "type");
  if (type == "ByteLevel")
    return {};
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return readPair(stage, source);
  if (type != "TemplateProcessing")
    return unknown(source, "post-processor", type,
                   "BertProcessing, ByteLevel, RobertaProcessing or "
                   "TemplateProcessing");
  auto single = stage.find("single"), special = stage.find("special_tokens");
  if (single == stage.end() || !single->is_array() || special == stage.end() ||
      !special->is_object())
    return unknown(source, "post-processor", type, "single, special_tokens");
  bool afterText = false;
  for (const json &element : *single)
    if (Status status =
            readTemplateElement(element, *special, afterText, source);
        !status)
      return status;
  return {};
}

} // namespace

Status mica::readNormalizer(const json &stage, TokenizerSource &source) {
  return forEach(stage, "normalizer", "normalizers", source, readOneNormalizer);
}

Status mica::readPreTokenizer(const json &stage, TokenizerSource &source) {
  return forEach(stage, "pre-tokenizer", "pretokenizers", source,
                 readOnePreTokenizer);
}

Status mica::readDecoder(const json &stage, TokenizerSource &source) {
  return forEach(stage, "decoder", "decoders", source, readOneDecoder);
}

Status mica::readPostProcessor(const json &stage, TokenizerSource &source) {
  return forEach(stage, "post-processor", "processors", source,
                 readOnePostProcessor);
}
