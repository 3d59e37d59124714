//===- TokenizerJsonReader.h - Reads a tokenizer.json -----------*- C++ -*-===//
//
// Private to TokenizerJson.cpp and TokenizerJsonModel.cpp.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERJSONREADER_H
#define LIB_IMPORT_TOKENIZERJSONREADER_H

#include "lib/Import/Json.h"
#include "lib/Import/TokenizerJson.h"

#include <unordered_map>

namespace mica {

/// Reads `files`; see TokenizerJson.h.
class TokenizerJsonReader {
public:
  explicit TokenizerJsonReader(const TokenizerFiles &files) : files(files) {
    source.file = files.tokenizer.path();
  }

  Expected<TokenizerSource> run();

private:
  Status readConfigs();
  Status readModel();
  Status makeId(const std::string &token, const nlohmann::json &id);
  Status readVocabulary(const nlohmann::json &vocab);
  Status readIds(const nlohmann::json &vocab);
  Status readScores(const nlohmann::json &vocab);
  Status readBPE(const nlohmann::json &model);
  Status readUnigram(const nlohmann::json &model);
  Status readWordPiece(const nlohmann::json &model);
  Status readUnknown(const nlohmann::json &model);
  Status readMerges(const nlohmann::json &merges);
  Status readAdded();
  Status setBytes();
  Status readEnds();
  std::optional<uint32_t> special(const char *name) const;
  Status addIds(const nlohmann::json &ids, const std::string &file);

  Error error(const std::string &what) const {
    return Error{source.file + ": " + what};
  }
  const nlohmann::json &stage(const char *name) const {
    static const nlohmann::json none;
    auto it = root.find(name);
    return it == root.end() ? none : *it;
  }
  std::optional<uint32_t> find(const std::string &token) const {
    auto it = ids.find(token);
    return it == ids.end() ? std::nullopt : std::optional(it->second);
  }

  const TokenizerFiles &files;
  TokenizerSource source;
  nlohmann::json root, tokenizerConfig, generationConfig, modelConfig;
  std::unordered_map<std::string, uint32_t> ids; // model and added tokens
  uint64_t limit = 0;                            // of ids
};

/// Whether `object` has the flag, and it is set.
inline bool isTrue(const nlohmann::json &object, const char *key) {
  auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERJSONREADER_H
