//===- ShardIndex.h - Which file holds which tensor -------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_SHARDINDEX_H
#define LIB_IMPORT_SHARDINDEX_H

#include "lib/Import/Checkpoint.h"

#include <set>

namespace mica {

/// model.safetensors.index.json of a checkpoint in several files.
class ShardIndex {
public:
  /// Every file is a plain name, so none lies outside the directory.
  static Expected<ShardIndex> parse(const MappedFile &file);

  /// The shards, each once.
  std::set<std::string> files() const;

  /// Checks that each tensor is in the shard of `directory` that has to hold
  /// it.
  Status check(const std::string &directory,
               const Checkpoint &checkpoint) const;

private:
  std::string path;
  std::map<std::string, std::string> fileOf; ///< by the tensor's name
};

} // namespace mica

#endif // LIB_IMPORT_SHARDINDEX_H
