//===- ShardIndex.cpp - Which file holds which tensor ---------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/ShardIndex.h"
#include "lib/Import/Json.h"

#include <algorithm>
#include <climits>

using namespace mica;
using nlohmann::json;

Expected<ShardIndex> ShardIndex::parse(const MappedFile &file) {
  Expected<json> parsed = parseJsonObject(file.path(), file.bytes());
  if (!parsed)
    return parsed.takeError();
  auto map = parsed->find("weight_map");
  if (map == parsed->end() || !map->is_object() || map->empty())
    return Error{file.path() +
                 ": no weight_map, expected tensors and their files"};
  ShardIndex index;
  index.path = file.path();
  for (const auto &[tensor, shard] : map->items()) {
    std::string name = shard.is_string() ? shard.get<std::string>() : "";
    if (name.empty() || name.size() > NAME_MAX ||
        std::any_of(name.begin(), name.end(), [](unsigned char c) {
          return c == '/' || c < ' ' || c == 0x7f;
        }))
      return Error{file.path() + ": tensor " + quote(tensor) + " is in " +
                   quote(name) + ", expected the name of a file beside it"};
    index.fileOf.emplace(tensor, std::move(name));
  }
  return index;
}

std::set<std::string> ShardIndex::files() const {
  std::set<std::string> names;
  for (const auto &[tensor, file] : fileOf)
    names.insert(file);
  return names;
}

Status ShardIndex::check(const std::string &directory,
                         const Checkpoint &checkpoint) const {
  for (const auto &[tensor, file] : fileOf) {
    std::string shard = directory + "/" + file;
    const TensorView *view = checkpoint.find(tensor);
    if (!view || view->file != shard)
      return Error{shard + ": tensor " + quote(tensor) +
                   " missing, expected by " + path};
  }
  return {};
}
