//===- Pooling.cpp - How rows become an embedding -------------------------===//
//
// sentence-transformers lists the modules of a model in modules.json: the
// transformer, a pooling with a folder of its own, and perhaps a normalisation.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"
#include "lib/Import/Json.h"

#include <filesystem>

using namespace mica;
using Json = nlohmann::json;

/// The file `name` of the checkpoint's directory as JSON; null, and an error
/// unless it may be absent, where there is none.
static Json readJson(Hyperparameters &in, const std::string &name,
                     bool mayBeAbsent) {
  std::string path = in.checkpoint().path() + "/" + name;
  std::error_code ignored;
  if (mayBeAbsent && !std::filesystem::exists(path, ignored))
    return {};
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file) {
    in.fail(name + " cannot be read, expected it");
    return {};
  }
  std::span<const std::byte> bytes = file->bytes();
  auto *begin = reinterpret_cast<const char *>(bytes.data());
  Json value;
  if (jsonNesting({begin, bytes.size()}) <= kMaxJsonNesting)
    value = Json::parse(begin, begin + bytes.size(), nullptr, false);
  if (!value.is_object() && !value.is_array()) {
    in.fail(name + " is no JSON object or array, expected one");
    return {};
  }
  return value;
}

static std::string textOf(const Json &object, const char *key) {
  auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

/// The one kind of pooling that `settings` asks for.
static PoolingKind kindOf(Hyperparameters &in, const std::string &name,
                          const Json &settings) {
  static constexpr std::pair<std::string_view, PoolingKind> kinds[] = {
      {"mean", PoolingKind::Mean},
      {"mean_tokens", PoolingKind::Mean},
      {"cls", PoolingKind::First},
      {"cls_token", PoolingKind::First},
      {"lasttoken", PoolingKind::Last}};
  constexpr std::string_view prefix = "pooling_mode_";
  std::vector<std::string> asked;
  if (std::string mode = textOf(settings, "pooling_mode"); !mode.empty())
    asked.push_back(mode);
  for (const auto &[key, value] : settings.items())
    if (key.starts_with(prefix) && value == true)
      asked.push_back(key.substr(prefix.size()));
  for (const auto &[known, kind] : kinds)
    if (asked.size() == 1 && asked[0] == known)
      return kind;
  std::string all;
  for (const std::string &mode : asked)
    all += (all.empty() ? "" : ", ") + mode;
  in.fail(name + " asks for pooling by " + quote(all) +
          ", expected one of mean, cls and lasttoken");
  return PoolingKind::Mean;
}

void mica::readPooling(Hyperparameters &in, ModelDescription &model) {
  model.pooling = PoolingKind::Mean;
  Json modules = readJson(in, "modules.json", /*mayBeAbsent=*/true);
  if (modules.is_null()) {
    model.warnings.push_back(in.checkpoint().path() +
                             ": no modules.json found, embeddings are the mean "
                             "of a sequence's rows");
    return;
  }
  for (const Json &module : modules) {
    std::string type = textOf(module, "type"), path = textOf(module, "path");
    std::string_view kind = type;
    kind.remove_prefix(kind.rfind('.') + 1);
    if (kind == "Normalize") {
      model.unitEmbeddings = true;
    } else if (kind == "Pooling") {
      std::string name = path + "/config.json";
      Json settings = readJson(in, name, /*mayBeAbsent=*/false);
      if (settings.is_object())
        model.pooling = kindOf(in, name, settings);
    } else if (kind != "Transformer") {
      in.fail("modules.json names " + quote(type) +
              ", expected Transformer, Pooling and Normalize");
    }
  }
  Json limits = readJson(in, "sentence_bert_config.json", /*mayBeAbsent=*/true);
  if (auto it = limits.find("max_seq_length");
      limits.is_object() && it != limits.end() && it->is_number_integer()) {
    int64_t most = it->get<int64_t>();
    if (most < 1)
      in.fail("sentence_bert_config.json: max_seq_length is " +
              std::to_string(most) + ", expected 1 or more");
    else
      model.usualContext = std::min(most, model.maxContext);
  }
}
