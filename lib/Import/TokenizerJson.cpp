//===- TokenizerJson.cpp - The tokenizer of a directory -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerJson.h"
#include "lib/Import/Json.h"
#include "lib/Import/TokenizerPipeline.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>

using namespace mica;
using namespace mica::tokenizer;
using nlohmann::json;

namespace {

class Reader {
public:
  explicit Reader(const TokenizerFiles &files) : files(files) {
    source.file = files.tokenizer.path();
  }

  Expected<TokenizerSource> run();

private:
  Status readConfigs();
  Status readModel();
  Status makeId(const std::string &token, const json &id);
  Status readVocabulary(const json &vocab);
  Status readIds(const json &vocab);
  Status readScores(const json &vocab);
  Status readBPE(const json &model);
  Status readUnigram(const json &model);
  Status readWordPiece(const json &model);
  Status readUnknown(const json &model);
  Status readMerges(const json &merges);
  Status readAdded();
  Status setBytes();
  Status readEnds();
  std::optional<uint32_t> special(const char *name) const;
  Status addIds(const json &ids, const std::string &file);

  Error error(const std::string &what) const {
    return Error{source.file + ": " + what};
  }
  const json &stage(const char *name) const {
    static const json none;
    auto it = root.find(name);
    return it == root.end() ? none : *it;
  }
  std::optional<uint32_t> find(const std::string &token) const {
    auto it = ids.find(token);
    return it == ids.end() ? std::nullopt : std::optional(it->second);
  }

  const TokenizerFiles &files;
  TokenizerSource source;
  json root, tokenizerConfig, generationConfig, modelConfig;
  std::unordered_map<std::string, uint32_t> ids; // model and added tokens
  uint64_t limit = 0;                            // of ids
};

bool isTrue(const json &object, const char *key) {
  auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

/// An unset affix: missing, null or "".
bool isUnset(const json &object, const char *key) {
  auto it = object.find(key);
  return it == object.end() || it->is_null() || *it == "";
}

} // namespace

Status Reader::readConfigs() {
  auto read = [](const MappedFile &file, json &into) -> Status {
    Expected<json> parsed = parseJsonObject(file.path(), file.bytes());
    if (!parsed)
      return parsed.takeError();
    into = std::move(*parsed);
    return {};
  };
  if (Status status = read(files.tokenizer, root); !status)
    return status;
  for (auto [file, into] : {std::pair{&files.tokenizerConfig, &tokenizerConfig},
                            {&files.generationConfig, &generationConfig},
                            {&files.modelConfig, &modelConfig}}) {
    *into = json::object();
    if (*file)
      if (Status status = read(**file, *into); !status)
        return status;
  }
  return {};
}

/// Gives a token its id, which may not exceed what the file's size explains:
/// ids may have gaps, but not so many that a hostile file fills the memory.
Status Reader::makeId(const std::string &token, const json &id) {
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
Status Reader::readVocabulary(const json &vocab) {
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

Status Reader::readIds(const json &vocab) {
  for (const auto &[token, id] : vocab.items()) {
    if (Status status = makeId(token, id); !status)
      return status;
    source.pieces[ids[token]] = {token, PieceKind::Normal, !token.empty()};
  }
  return {};
}

/// A unigram vocabulary: `[piece, score]` by id.
Status Reader::readScores(const json &vocab) {
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
Status Reader::readBPE(const json &model) {
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

Status Reader::readUnigram(const json &model) {
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

Status Reader::readWordPiece(const json &model) {
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

Status Reader::readUnknown(const json &model) {
  auto token = model.find("unk_token");
  if (token == model.end() || !token->is_string())
    return {};
  source.unknown = find(token->get<std::string>());
  if (!source.unknown)
    return error("model.unk_token " + quote(token->get<std::string>()) +
                 " found, expected a token of the vocabulary");
  return {};
}

Status Reader::readModel() {
  struct Kind {
    const char *name;
    bool scores, merges;
    Status (Reader::*read)(const json &);
  };
  constexpr Kind kinds[] = {
      {"BPE", false, true, &Reader::readBPE},
      {"Unigram", true, false, &Reader::readUnigram},
      {"WordPiece", false, false, &Reader::readWordPiece}};
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

Status Reader::readMerges(const json &merges) {
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

/// Spells the pieces as bytes, before added tokens take their own spelling.
Status Reader::setBytes() {
  source.byteIds.assign(256, kEmpty);
  if (!(source.flags & ByteLevel)) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const char *digits = "0123456789ABCDEF";
      auto id = find(std::string("<0x") + digits[byte / 16] +
                     digits[byte % 16] + ">");
      if (!id || !(source.flags & ByteFallback))
        continue;
      source.byteIds[byte] = *id;
      source.pieces[*id] = {std::string(1, static_cast<char>(byte)),
                            PieceKind::Byte, false};
    }
    return {};
  }
  for (uint32_t id = 0; id < source.pieces.size(); ++id) {
    TokenizerSource::Piece &piece = source.pieces[id];
    std::optional<std::string> bytes = decodeByteLevel(piece.text);
    if (!bytes) { // no text is spelled like this
      piece.lookup = false;
      continue;
    }
    piece.text = std::move(*bytes);
    if (piece.lookup && piece.text.size() == 1)
      source.byteIds[static_cast<unsigned char>(piece.text[0])] = id;
  }
  return {};
}

Status Reader::readAdded() {
  for (const json &token : stage("added_tokens")) {
    uint32_t flags = 0;
    for (auto [name, flag] : {std::pair{"special", Special},
                              {"single_word", SingleWord},
                              {"lstrip", StripLeft},
                              {"rstrip", StripRight}})
      if (isTrue(token, name))
        flags |= flag;
    auto id = token["id"].get<uint32_t>();
    auto content = token["content"].get<std::string>();
    source.added.push_back({content, id, flags, isTrue(token, "normalized")});
    TokenizerSource::Piece &piece = source.pieces[id];
    piece.kind = flags & Special ? PieceKind::Control : PieceKind::Added;
    // A word may still be looked up as it is spelled in the model.
    if (!piece.lookup || !(source.flags & ByteLevel))
      piece.text = std::move(content);
  }
  return {};
}

/// The id of a token that tokenizer_config.json names: "bos_token".
std::optional<uint32_t> Reader::special(const char *name) const {
  if (!tokenizerConfig.contains(name))
    return std::nullopt;
  const json *token = &tokenizerConfig[name];
  if (token->is_object() && token->contains("content"))
    token = &(*token)["content"];
  if (token->is_string())
    return find(token->get<std::string>());
  return std::nullopt;
}

Status Reader::addIds(const json &value, const std::string &file) {
  auto add = [&](const json &id) -> Status {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX)
      return Error{file + ": eos_token_id " + quote(id.dump()) +
                   " found, expected an id"};
    auto end = id.get<uint32_t>(); // one beyond the vocabulary never comes
    if (end < source.pieces.size() &&
        std::find(source.eos.begin(), source.eos.end(), end) ==
            source.eos.end())
      source.eos.push_back(end);
    return {};
  };
  if (value.is_null())
    return {};
  if (!value.is_array())
    return add(value);
  for (const json &id : value)
    if (Status status = add(id); !status)
      return status;
  return {};
}

/// bos, eos, and what stands around a text: by the post-processor, unless
/// tokenizer_config.json says it with `add_bos_token` or `add_eos_token`.
Status Reader::readEnds() {
  if (Status status = readPostProcessor(stage("post_processor"), source);
      !status)
    return status;
  source.bos = special("bos_token");
  std::optional<uint32_t> eos = special("eos_token");
  if (tokenizerConfig.contains("add_bos_token") ||
      tokenizerConfig.contains("add_eos_token")) {
    source.prefix.clear(), source.suffix.clear();
    if (isTrue(tokenizerConfig, "add_bos_token") && source.bos)
      source.prefix.push_back(*source.bos);
    if (isTrue(tokenizerConfig, "add_eos_token") && eos)
      source.suffix.push_back(*eos);
  }
  if (eos)
    source.eos.push_back(*eos);
  for (auto [config, file] :
       {std::pair{&generationConfig, &files.generationConfig},
        {&modelConfig, &files.modelConfig}})
    if (auto it = config->find("eos_token_id"); it != config->end())
      if (Status status = addIds(*it, (*file)->path()); !status)
        return status;
  auto bos = modelConfig.find("bos_token_id");
  if (!source.bos && bos != modelConfig.end() && bos->is_number_unsigned() &&
      bos->get<uint64_t>() < source.pieces.size())
    source.bos = bos->get<uint32_t>();
  return {};
}

Expected<TokenizerSource> Reader::run() {
  if (Status status = readConfigs(); !status)
    return status.takeError();
  if (Status status = readModel(); !status)
    return status.takeError();
  for (auto [name, read] : {std::pair{"normalizer", &readNormalizer},
                            {"pre_tokenizer", &readPreTokenizer},
                            {"decoder", &readDecoder}})
    if (Status status = read(stage(name), source); !status)
      return status.takeError();
  for (auto step : {&Reader::setBytes, &Reader::readAdded, &Reader::readEnds})
    if (Status status = (this->*step)(); !status)
      return status.takeError();
  return std::move(source);
}

Expected<TokenizerSource>
mica::parseTokenizerJson(const TokenizerFiles &files) {
  return Reader(files).run();
}

Expected<TokenizerSource> mica::readTokenizerJson(const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  fs::path directory = path, name = "tokenizer.json";
  if (!fs::is_directory(directory, ignored))
    name = directory.filename(), directory = directory.parent_path();
  Expected<MappedFile> main = MappedFile::open((directory / name).string());
  if (!main)
    return main.takeError();
  TokenizerFiles files{*main, {}, {}, {}};
  for (auto [config, into] :
       {std::pair{"tokenizer_config.json", &files.tokenizerConfig},
        {"generation_config.json", &files.generationConfig},
        {"config.json", &files.modelConfig}}) {
    fs::path file = directory / config;
    if (!fs::exists(file, ignored))
      continue;
    Expected<MappedFile> opened = MappedFile::open(file.string());
    if (!opened)
      return opened.takeError();
    *into = std::move(*opened);
  }
  return parseTokenizerJson(files);
}
