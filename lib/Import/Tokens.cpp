//===- Tokens.cpp - The model's name and its special tokens ---------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <algorithm>
#include <filesystem>

using namespace mica;

namespace {

/// Checks ids against the vocabulary; one outside is a warning.
class Tokens {
public:
  Tokens(const Hyperparameters &in, ModelDescription &model)
      : in(in), model(model) {}

  bool check(const std::string &thing, int64_t id) {
    if (id >= 0 && id < model.vocabulary)
      return true;
    model.warnings.push_back(in.checkpoint().configPath() + ": " + thing +
                             " is " + std::to_string(id) + ", expected 0 to " +
                             std::to_string(model.vocabulary - 1));
    return false;
  }

  void addEnd(const std::string &thing, int64_t id) {
    auto &ends = model.eosTokens;
    if (std::ranges::find(ends, id) == ends.end() && check(thing, id))
      ends.push_back(id);
  }

  void fromGGUF(const GGUF &gguf) {
    auto read = [&](const char *key, auto accept) {
      std::string name = std::string("tokenizer.ggml.") + key;
      if (Expected<int64_t> id = gguf.getInt(name))
        accept(name, *id);
    };
    read("bos_token_id", [&](const std::string &name, int64_t id) {
      if (check(name, id))
        model.bosToken = id;
    });
    auto end = [&](const std::string &name, int64_t id) { addEnd(name, id); };
    read("eos_token_id", end);
    read("eot_token_id", end);
  }

  /// The generation settings go before the model's.
  void fromConfig(const nlohmann::json &generation) {
    auto setting = [&](const char *key) {
      auto it = generation.find(key);
      return it != generation.end() && !it->is_null() ? *it : in.json(key);
    };
    nlohmann::json bos = setting("bos_token_id"), eos = setting("eos_token_id");
    if (bos.is_number_integer() && check("bos_token_id", bos.get<int64_t>()))
      model.bosToken = bos.get<int64_t>();
    if (!eos.is_array())
      eos = nlohmann::json::array({eos});
    for (const nlohmann::json &id : eos)
      if (id.is_number_integer())
        addEnd("eos_token_id", id.get<int64_t>());
  }

private:
  const Hyperparameters &in;
  ModelDescription &model;
};

} // namespace

void mica::readTokens(Hyperparameters &in, ModelDescription &model) {
  Tokens tokens(in, model);
  const GGUF *gguf = in.checkpoint().gguf();
  if (!gguf) {
    tokens.fromConfig(in.checkpoint().generationConfig());
    model.name = std::filesystem::path(in.checkpoint().path()).filename();
  } else {
    tokens.fromGGUF(*gguf);
    if (auto name = gguf->getString("general.name"))
      model.name = name->substr(0, 100);
  }
  // Names go into manifests: plain text only.
  for (char &c : model.name)
    if (c < 0x20 || c > 0x7e)
      c = '?';
}
