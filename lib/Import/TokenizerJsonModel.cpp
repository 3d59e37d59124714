//===- TokenizerJsonModel.cpp - The model of a tokenizer.json -------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerJsonReader.h"

#include <algorithm>

using namespace mica;
using namespace mica::tokenizer;
using nlohmann::json;

/// An unset affix: missing, null or "".
static bool isUnset(const json &object, const char *key) {
  auto it = object.find(key);
  return it == object.end() || it->is_null() || *it == "";
}

/// Gives a token its id, which may not exceed what the file's size explains:
/// ids may have gaps, but not so many that a hostile file fills the memory.
Status TokenizerJsonReader::makeId(const std::string &token, const json &id) {
  if (!id.is_number_unsigned() || id.get<uint64_t>() >= limit)
    return error("id " + quote(id.dump()) + " of token " + quote(token) +
                 " found, expected an integer below " + std::to_string(limit));
  auto value = id.get<uint32_t>();
  if (value >= source.pieces.size())
    source.pieces.resize(value + 1);
  ids.emplace(token, value);
  return {};
}

/// Makes room for ids up to the largest of `vocab` and of the added tokens.
Status TokenizerJsonReader::readVocabulary(const json &vocab) {
  const json &added = stage("added_tokens");
  if (!added.is_null() && !added.is_array())
    return error("added_tokens a JSON " + std::string(added.type_name()) +
                 " found, expected an array");
  limit = 2 * (vocab.size() + added.size()) + 65536;
  Status status = vocab.is_array() ? readScores(vocab) : readIds(vocab);
  if (!status)
    return status;
  for (const json &token : added) {
    auto content = token.is_object() ? token.find("content") : token.end();
    if (content == token.end() || !content->is_string() ||
        !token.contains("id"))
      return error("an added token without id and content found, expected "
                   "both");
    if (Status made = makeId(content->get<std::string>(), token["id"]); !made)
      return made;
  }
  if (source.pieces.empty())
    return error("model.vocab with 0 tokens found, expected at least 1");
  return {};
}

Status TokenizerJsonReader::readIds(const json &vocab) {
  for (const auto &[token, id] : vocab.items()) {
    if (Status status = makeId(token, id); !status)
      return status;
    source.pieces[ids[token]] = {token, PieceKind::Normal, !token.empty()};
  }
  return {};
}

/// A unigram vocabulary: `[piece, score]` by id.
Status TokenizerJsonReader::readScores(const json &vocab) {
  for (const json &entry : vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
        !entry[1].is_number())
      return error("model.vocab with another entry found, expected a piece and "
                   "its score");
    auto piece = entry[0].get<std::string>();
    ids[piece] = static_cast<uint32_t>(source.pieces.size());
    source.scores.push_back(roundScore(entry[1].get<double>()));
    source.pieces.push_back({piece, PieceKind::Normal, !piece.empty()});
  }
  return {};
}

/// What of `model` each kind has for itself; the vocabulary is read.
Status TokenizerJsonReader::readBPE(const json &model) {
  for (const char *affix : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!isUnset(model, affix))
      return error("model." + std::string(affix) + " " +
                   quote(model[affix].dump()) + " found, expected none");
  if (isTrue(model, "fuse_unk"))
    source.flags |= FuseUnknown;
  if (isTrue(model, "ignore_merges"))
    source.flags |= IgnoreMerges;
  if (Status status = readUnknown(model); !status)
    return status;
  return readMerges(model["merges"]);
}

Status TokenizerJsonReader::readUnigram(const json &model) {
  source.model = ModelKind::Unigram;
  auto unknown = model.find("unk_id");
  if (unknown == model.end() || unknown->is_null())
    return {};
  if (!unknown->is_number_unsigned() ||
      unknown->get<uint64_t>() >= source.scores.size())
    return error("model.unk_id " + quote(unknown->dump()) +
                 " found, expected below " +
                 std::to_string(source.scores.size()));
  source.unknown = unknown->get<uint32_t>();
  return {};
}

Status TokenizerJsonReader::readWordPiece(const json &model) {
  source.model = ModelKind::WordPiece;
  source.maxChars = 100;
  if (auto most = model.find("max_input_chars_per_word"); most != model.end()) {
    if (!most->is_number_unsigned() || most->get<uint64_t>() > kMaxWord)
      return error("model.max_input_chars_per_word " + quote(most->dump()) +
                   " found, expected up to " + std::to_string(kMaxWord));
    source.maxChars = most->get<uint32_t>();
  }
  auto prefix = model.find("continuing_subword_prefix");
  source.continuing = prefix != model.end() && prefix->is_string()
                          ? prefix->get<std::string>()
                          : "##";
  return readUnknown(model);
}

Status TokenizerJsonReader::readUnknown(const json &model) {
  auto token = model.find("unk_token");
  if (token == model.end() || !token->is_string())
    return {};
  source.unknown = find(token->get<std::string>());
  if (!source.unknown)
    return error("model.unk_token " + quote(token->get<std::string>()) +
                 " found, expected a token of the vocabulary");
  return {};
}

Status TokenizerJsonReader::readModel() {
  struct Kind {
    const char *name;
    bool scores, merges;
    Status (TokenizerJsonReader::*read)(const json &);
  };
  constexpr Kind kinds[] = {
      {"BPE", false, true, &TokenizerJsonReader::readBPE},
      {"Unigram", true, false, &TokenizerJsonReader::readUnigram},
      {"WordPiece", false, false, &TokenizerJsonReader::readWordPiece}};
  const json &model = stage("model");
  if (!model.is_object())
    return error("model a JSON " + std::string(model.type_name()) +
                 " found, expected an object");
  json type = model.value("type", json("BPE")); // as older files have it
  const Kind *kind =
      std::find_if(std::begin(kinds), std::end(kinds),
                   [&](const Kind &kind) { return type == kind.name; });
  if (kind == std::end(kinds))
    return error("model.type " + quote(type.dump()) +
                 " found, expected BPE, Unigram or WordPiece");
  for (std::string part : {"vocab", "merges"})
    if (!model.contains(part) && (kind->merges || part == "vocab"))
      return error("no model." + part + " found, expected one");
  bool right =
      kind->scores ? model["vocab"].is_array() : model["vocab"].is_object();
  if (!right || (kind->merges && !model["merges"].is_array()))
    return error(
        kind->merges
            ? "model.vocab and model.merges of other types found, "
              "expected an object and an array"
            : "model.vocab of another type found, expected " +
                  std::string(kind->scores ? "an array" : "an object"));
  if (isTrue(model, "byte_fallback"))
    source.flags |= ByteFallback;
  if (Status status = readVocabulary(model["vocab"]); !status)
    return status;
  return (this->*kind->read)(model);
}

Status TokenizerJsonReader::readMerges(const json &merges) {
  for (const json &merge : merges) {
    std::string left, right;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
        merge[1].is_string()) {
      left = merge[0].get<std::string>(), right = merge[1].get<std::string>();
    } else if (merge.is_string()) { // as older files have it
      const auto &line = merge.get_ref<const std::string &>();
      size_t space = std::min(line.find(' '), line.size());
      left = line.substr(0, space);
      right = line.substr(std::min(space + 1, line.size()));
    }
    auto leftId = find(left), rightId = find(right),
         merged = find(left + right);
    if (left.empty() || right.empty() || !leftId || !rightId || !merged)
      return error(
          "model.merges with " +
          quote(merge.dump(-1, ' ', false, json::error_handler_t::replace)) +
          " found, expected two pieces of the vocabulary");
    source.merges.push_back({*leftId, *rightId, *merged});
  }
  return {};
}
