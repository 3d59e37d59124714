//===- TokenizerJson.cpp - The tokenizer of a directory -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerJson.h"
#include "lib/Import/TokenizerJsonReader.h"
#include "lib/Import/TokenizerPipeline.h"

#include <algorithm>
#include <filesystem>

using namespace mica;
using namespace mica::tokenizer;
using nlohmann::json;

Status TokenizerJsonReader::readConfigs() {
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

/// Spells the pieces as bytes, before added tokens take their own spelling.
Status TokenizerJsonReader::setBytes() {
  source.byteIds.assign(256, kEmpty);
  if (!(source.flags & ByteLevel)) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const char *digits = "0123456789ABCDEF";
      auto id = find(std::string("<0x") + digits[byte / 16] +
                     digits[byte % 16] + ">");
      if (!id || !(source.flags & ByteFallback))
        continue;
      source.byteIds[byte] = *id;
      // In a unigram model the text `<0x41>` is the piece, too.
      TokenizerSource::Piece &piece = source.pieces[*id];
      piece.kind = PieceKind::Byte;
      if (source.model == ModelKind::Unigram)
        continue;
      piece = {std::string(1, static_cast<char>(byte)), PieceKind::Byte, false};
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

Status TokenizerJsonReader::readAdded() {
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
std::optional<uint32_t> TokenizerJsonReader::special(const char *name) const {
  if (!tokenizerConfig.contains(name))
    return std::nullopt;
  const json *token = &tokenizerConfig[name];
  if (token->is_object() && token->contains("content"))
    token = &(*token)["content"];
  if (token->is_string())
    return find(token->get<std::string>());
  return std::nullopt;
}

Status TokenizerJsonReader::addIds(const json &value, const std::string &file) {
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
Status TokenizerJsonReader::readEnds() {
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

Expected<TokenizerSource> TokenizerJsonReader::run() {
  if (Status status = readConfigs(); !status)
    return status.takeError();
  if (Status status = readModel(); !status)
    return status.takeError();
  for (auto [name, read] : {std::pair{"normalizer", &readNormalizer},
                            {"pre_tokenizer", &readPreTokenizer},
                            {"decoder", &readDecoder}})
    if (Status status = read(stage(name), source); !status)
      return status.takeError();
  for (auto step :
       {&TokenizerJsonReader::setBytes, &TokenizerJsonReader::readAdded,
        &TokenizerJsonReader::readEnds})
    if (Status status = (this->*step)(); !status)
      return status.takeError();
  return std::move(source);
}

Expected<TokenizerSource>
mica::parseTokenizerJson(const TokenizerFiles &files) {
  return TokenizerJsonReader(files).run();
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
