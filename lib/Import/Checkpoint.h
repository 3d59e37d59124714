//===- Checkpoint.h - A model's files, whatever their form ------*- C++ -*-===//
//
// One interface over GGUF files and a Hugging Face directory (config.json and
// safetensors in one file or in shards). The linear layers of quantized
// directories are matrices "<module>.weight", whatever tensors they lie in.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_CHECKPOINT_H
#define LIB_IMPORT_CHECKPOINT_H

#include "lib/Import/GGUF.h"
#include "lib/Import/Safetensors.h"
#include "lib/Import/StoredMatrix.h"

#include <nlohmann/json_fwd.hpp>

namespace mica {

/// A stored tensor, or a matrix that several tensors make up. Valid as long as
/// its checkpoint.
struct TensorView {
  std::string name;
  std::vector<int64_t> shape; ///< row-major: [rows, columns] of a matrix
  const Format *format;       ///< null if the elements are no weights
  std::span<const std::byte> data;
  std::string file; ///< path of the file that holds it
  /// Bytes from the file's begin to `data`.
  uint64_t offset;
  /// What reads rows, where these are no bytes of `data`; else null.
  std::shared_ptr<const StoredMatrix> matrix = nullptr;
  /// The tensor that says for each column of the matrix which one of the model
  /// it is, from 0; empty if they are in order.
  std::string columnOrder = {};
  /// Whether it is a part of such a matrix, and no weight by itself.
  bool isPart = false;

  /// Elements of the last dimension; 1 for a scalar.
  int64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  /// The bytes of row `i` of a matrix in `data`.
  const std::byte *row(int64_t i) const {
    return data.data() + i * format->rowBytes(columns());
  }
};

/// `name` with the number of a part for "{}", if it has that.
std::string partName(std::string_view name, int64_t part);

class Checkpoint {
public:
  /// Opens a .gguf file (the first of several parts), or a directory with
  /// config.json and either model.safetensors or model.safetensors.index.json
  /// and its shards.
  static Expected<Checkpoint> open(const std::string &path);

  /// The parts of a model in GGUF files; the first one has its metadata.
  static Expected<Checkpoint> fromGGUF(std::vector<GGUF> parts);
  /// The parts of a directory. `generation` is generation_config.json, or null.
  static Expected<Checkpoint> fromParts(std::string path,
                                        const MappedFile &config,
                                        const MappedFile *generation,
                                        std::vector<Safetensors> shards);

  /// What the user named: the file or the directory.
  const std::string &path() const { return name; }
  /// The file that messages about hyperparameters name.
  const std::string &configPath() const { return configName; }

  /// The file that holds the metadata; null for a directory.
  const GGUF *gguf() const { return sources ? &sources->front() : nullptr; }
  /// config.json and generation_config.json; empty objects where there is none.
  const nlohmann::json &config() const { return *configJson; }
  const nlohmann::json &generationConfig() const { return *generationJson; }

  /// The tensor of that name, null if there is none.
  const TensorView *find(std::string_view name) const;
  /// All tensors by name.
  const std::map<std::string, TensorView, std::less<>> &tensors() const {
    return views;
  }

private:
  Checkpoint();
  Status add(TensorView tensor);

  std::string name, configName;
  std::shared_ptr<const std::vector<GGUF>> sources;
  std::vector<Safetensors> files;
  std::shared_ptr<const nlohmann::json> configJson, generationJson;
  std::map<std::string, TensorView, std::less<>> views;
};

} // namespace mica

#endif // LIB_IMPORT_CHECKPOINT_H
