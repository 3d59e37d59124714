//===- Checkpoint.cpp - A model's files, whatever their form --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Checkpoint.h"
#include "lib/Import/GGUFParts.h"
#include "lib/Import/Json.h"
#include "lib/Import/Quantized/Quantized.h"
#include "lib/Import/ShardIndex.h"

#include <filesystem>

using namespace mica;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool exists(const std::string &path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Expected<std::vector<Safetensors>>
openShards(const std::string &directory, const std::set<std::string> &names) {
  std::vector<Safetensors> shards;
  for (const std::string &name : names) {
    Expected<Safetensors> shard = Safetensors::open(directory + "/" + name);
    if (!shard)
      return shard.takeError();
    shards.push_back(std::move(*shard));
  }
  return shards;
}

/// Whether files of that name are pickles: reading one runs what it says.
bool isPickled(std::string_view file) {
  return file.ends_with(".bin") || file.ends_with(".pt") ||
         file.ends_with(".pth") || file.ends_with(".bin.index.json");
}

/// Says how a directory whose weights are pickles becomes one that can be read.
Error unpickle(const std::string &path, const std::string &directory) {
  return Error{path +
               ": weights as PyTorch pickles, expected model.safetensors, "
               "which this writes: python3 -c \"import sys, transformers as t; "
               "t.AutoModelForCausalLM.from_pretrained(sys.argv[1], "
               "dtype='auto').save_pretrained(sys.argv[1])\" " +
               quote(directory.empty() ? "." : directory)};
}

/// The error of a directory without safetensors.
Error noWeights(const std::string &path) {
  std::error_code ignored;
  std::set<std::string> pickled;
  for (const auto &entry : fs::directory_iterator(path, ignored))
    if (std::string name = entry.path().filename().string();
        name.starts_with("pytorch_model") && isPickled(name))
      pickled.insert(name);
  if (!pickled.empty())
    return unpickle(path + "/" + *pickled.begin(), path);
  return Error{path + ": no weights found, expected model.safetensors or "
                      "model.safetensors.index.json"};
}

Expected<Checkpoint> openDirectory(const std::string &path) {
  Expected<MappedFile> config = MappedFile::open(path + "/config.json");
  if (!config)
    return config.takeError();
  MappedFile generation;
  bool hasGeneration = exists(path + "/generation_config.json");
  if (hasGeneration) {
    auto file = MappedFile::open(path + "/generation_config.json");
    if (!file)
      return file.takeError();
    generation = *file;
  }

  std::string indexPath = path + "/model.safetensors.index.json";
  ShardIndex index;
  bool sharded = exists(indexPath);
  if (sharded) {
    Expected<MappedFile> file = MappedFile::open(indexPath);
    if (!file)
      return file.takeError();
    Expected<ShardIndex> parsed = ShardIndex::parse(*file);
    if (!parsed)
      return parsed.takeError();
    index = std::move(*parsed);
  } else if (!exists(path + "/model.safetensors")) {
    return noWeights(path);
  }
  Expected<std::vector<Safetensors>> shards =
      openShards(path, sharded ? index.files()
                               : std::set<std::string>{"model.safetensors"});
  if (!shards)
    return shards.takeError();
  Expected<Checkpoint> result = Checkpoint::fromParts(
      path, *config, hasGeneration ? &generation : nullptr, std::move(*shards));
  if (result && sharded)
    if (Status s = index.check(path, *result); !s)
      return s.takeError();
  return result;
}

} // namespace

Checkpoint::Checkpoint()
    : configJson(std::make_shared<json>(json::object())),
      generationJson(configJson) {}

Status Checkpoint::add(TensorView tensor) {
  std::string key = tensor.name;
  // The weights of a convolution of each column on its own: a row for each.
  if (tensor.shape.size() == 3 && tensor.shape[1] == 1)
    tensor.shape.erase(tensor.shape.begin() + 1);
  auto [it, inserted] = views.emplace(std::move(key), std::move(tensor));
  if (!inserted)
    return Error{name + ": tensor " + quote(it->first) +
                 " is in two files, expected it in one"};
  return {};
}

std::string mica::partName(std::string_view name, int64_t part) {
  size_t at = name.find("{}");
  if (at == std::string_view::npos)
    return std::string(name);
  return std::string(name.substr(0, at)) + std::to_string(part) +
         std::string(name.substr(at + 2));
}

const TensorView *Checkpoint::find(std::string_view name) const {
  auto it = views.find(name);
  return it == views.end() ? nullptr : &it->second;
}

Expected<Checkpoint> Checkpoint::fromGGUF(std::vector<GGUF> parts) {
  Checkpoint result;
  result.name = result.configName = parts.front().path();
  result.sources = std::make_shared<const std::vector<GGUF>>(std::move(parts));
  for (const GGUF &part : *result.sources)
    for (const GGUF::Tensor &tensor : part.tensors())
      if (Status s =
              result.add({std::string(tensor.name), tensor.shape, tensor.format,
                          tensor.data, part.path(),
                          uint64_t(tensor.data.data() - part.bytes().data())});
          !s)
        return s.takeError();
  return result;
}

Expected<Checkpoint> Checkpoint::fromParts(std::string path,
                                           const MappedFile &config,
                                           const MappedFile *generation,
                                           std::vector<Safetensors> shards) {
  Checkpoint result;
  result.name = std::move(path);
  result.configName = config.path();
  Expected<json> parsed = parseJsonObject(config.path(), config.bytes());
  if (!parsed)
    return parsed.takeError();
  result.configJson = std::make_shared<const json>(std::move(*parsed));
  if (generation) {
    Expected<json> more =
        parseJsonObject(generation->path(), generation->bytes());
    if (!more)
      return more.takeError();
    result.generationJson = std::make_shared<const json>(std::move(*more));
  }
  result.files = std::move(shards);
  for (const Safetensors &file : result.files)
    for (const Safetensors::Tensor &tensor : file.tensors())
      if (Status s =
              result.add({tensor.name, tensor.shape, tensor.format, tensor.data,
                          file.path(),
                          uint64_t(tensor.data.data() - file.bytes().data())});
          !s)
        return s.takeError();
  if (Status s = addQuantized(result.name, result.configName,
                              *result.configJson, result.files, result.views);
      !s)
    return s.takeError();
  return result;
}

Expected<Checkpoint> Checkpoint::open(const std::string &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return openDirectory(path);
  if (isPickled(fs::path(path).filename().string()))
    return unpickle(path, fs::path(path).parent_path().string());
  Expected<std::vector<GGUF>> parts = openGGUFParts(path);
  if (!parts)
    return parts.takeError();
  return fromGGUF(std::move(*parts));
}
