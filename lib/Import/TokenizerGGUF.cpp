//===- TokenizerGGUF.cpp - The tokenizer of a GGUF file -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerGGUFReader.h"

#include <algorithm>
#include <cmath>
#include <iterator>

using namespace mica;
using namespace mica::tokenizer;

Status TokenizerGGUFReader::readId(std::string_view name,
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

Status TokenizerGGUFReader::readArrays() {
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

Status TokenizerGGUFReader::readIds() {
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
void TokenizerGGUFReader::addTokens() {
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

void TokenizerGGUFReader::setByteIds() {
  source.byteIds.assign(256, kEmpty);
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    TokenizerSource::Piece &piece = source.pieces[id];
    bool byteLevel = source.flags & ByteLevel;
    int byte = byteLevel ? -1 : spelledByte(tokens[id]);
    if (byteLevel && piece.lookup && piece.text.size() == 1)
      byte = static_cast<unsigned char>(piece.text[0]);
    if (byte < 0)
      continue;
    source.byteIds[static_cast<size_t>(byte)] = id;
    if (!byteLevel)
      piece = {std::string(1, static_cast<char>(byte)), PieceKind::Byte, false};
  }
}

Expected<std::vector<float>> TokenizerGGUFReader::readScores() {
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

Expected<TokenizerSource> TokenizerGGUFReader::run() {
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
    Status (TokenizerGGUFReader::*read)();
  };
  constexpr Kind kinds[] = {{"llama", &TokenizerGGUFReader::readSentencePiece},
                            {"gpt2", &TokenizerGGUFReader::readByteLevel},
                            {"t5", &TokenizerGGUFReader::readUnigram},
                            {"bert", &TokenizerGGUFReader::readWordPiece}};
  const Kind *kind =
      std::find_if(std::begin(kinds), std::end(kinds),
                   [&](const Kind &kind) { return kind.name == model; });
  if (kind == std::end(kinds))
    return error("model",
                 quote(model) + " found, expected bert, gpt2, llama or t5");
  if (model == "gpt2" && !(preTokenizer = findPreTokenizer(pre)))
    return error("pre",
                 quote(pre) + " found, expected one of " + preTokenizerNames());
  for (auto step :
       {&TokenizerGGUFReader::readArrays, &TokenizerGGUFReader::readIds})
    if (Status status = (this->*step)(); !status)
      return status.takeError();
  if (Status status = (this->*kind->read)(); !status)
    return status.takeError();
  return std::move(source);
}

Expected<TokenizerSource> mica::tokenizerFromGGUF(const GGUF &gguf) {
  return TokenizerGGUFReader(gguf).run();
}
