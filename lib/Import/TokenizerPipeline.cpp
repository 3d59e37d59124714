//===- TokenizerPipeline.cpp - Stages of a tokenizer.json -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerPipeline.h"
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

Status readOneNormalizer(const json &stage, TokenizerSource &source) {
  constexpr std::array<std::pair<std::string_view, StepKind>, 4> forms = {
      {{"NFC", StepKind::NFC},
       {"NFD", StepKind::NFD},
       {"NFKC", StepKind::NFKC},
       {"NFKD", StepKind::NFKD}}};
  std::string type = stringAt(stage, "type");
  for (auto [name, kind] : forms)
    if (type == name) {
      source.normalizer.push_back({kind, 0, "", ""});
      return {};
    }
  if (type == "Prepend") {
    if (std::string text = stringAt(stage, "prepend"); !text.empty())
      source.normalizer.push_back({StepKind::Prepend, 0, text, ""});
    return {};
  }
  if (type == "Replace") {
    auto pattern = stage.find("pattern");
    std::string from = pattern != stage.end() && pattern->is_object()
                           ? stringAt(*pattern, "String")
                           : "";
    if (from.empty())
      return unknown(source, "normalizer", "Replace of a pattern",
                     "a Replace of a String");
    source.normalizer.push_back(
        {StepKind::Replace, 0, from, stringAt(stage, "content")});
    return {};
  }
  return unknown(source, "normalizer", type,
                 "NFC, NFD, NFKC, NFKD, Prepend or Replace");
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

Status readSplit(const json &stage, TokenizerSource &source) {
  constexpr std::array<std::string_view, kSplitModes> modes = {
      "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
      "Contiguous"};
  std::string behavior = stringAt(stage, "behavior");
  uint32_t mode = 0;
  while (mode < kSplitModes && modes[mode] != behavior)
    ++mode;
  if (mode == kSplitModes)
    return unknown(source, "split behavior", behavior,
                   "Removed, Isolated, MergedWithPrevious, MergedWithNext or "
                   "Contiguous");
  bool invert = flagAt(stage, "invert", false);
  auto pattern = stage.find("pattern");
  if (pattern == stage.end() || !pattern->is_object())
    return unknown(source, "split", "no pattern", "a Regex or a String");
  if (std::string text = stringAt(*pattern, "String"); !text.empty()) {
    addSplit(source, static_cast<SplitMode>(mode), invert,
             literalPattern(text));
    return {};
  }
  std::string regex = stringAt(*pattern, "Regex");
  if (regex.empty())
    return unknown(source, "split", "empty pattern", "a Regex or a String");
  return addTranslated(source, static_cast<SplitMode>(mode), invert, regex);
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
  return unknown(source, "pre-tokenizer", type,
                 "ByteLevel, Digits, Metaspace or Split");
}

Status readOneDecoder(const json &stage, TokenizerSource &source) {
  std::string type = stringAt(stage, "type");
  if (type == "Metaspace") {
    source.flags |= DecodeSpaces;
    if (prependScheme(stage) != "never")
      source.flags |= DecodeStrip;
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
    return unknown(source, "decoder", type,
                   "ByteFallback, ByteLevel, Fuse, Metaspace, Replace or "
                   "Strip");
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

Status readOnePostProcessor(const json &stage, TokenizerSource &source) {
  std::string type = stringAt(stage, "type");
  if (type == "ByteLevel")
    return {};
  if (type != "TemplateProcessing")
    return unknown(source, "post-processor", type,
                   "ByteLevel or TemplateProcessing");
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
