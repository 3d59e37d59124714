//===- Hyperparameters.h - Named settings of a checkpoint -------*- C++ -*-===//
//
// The same questions asked of a GGUF file's metadata or of config.json, so that
// a family is described once. The first wrong answer is kept and reported at
// the end; questions after it return harmless values.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_HYPERPARAMETERS_H
#define LIB_IMPORT_HYPERPARAMETERS_H

#include "lib/Import/Checkpoint.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace mica {

class Hyperparameters {
public:
  /// The two names of a setting; an empty one is absent from that container.
  /// GGUF's is without the architecture in front.
  struct Key {
    std::string_view gguf, config;
  };

  /// `context` is how many positions the user asks for, 0 if that is left to
  /// the model.
  explicit Hyperparameters(const Checkpoint &checkpoint, int64_t context = 0);

  const Checkpoint &checkpoint() const { return source; }
  bool isGGUF() const { return source.gguf(); }

  int64_t requestedContext() const { return requested; }

  /// The architecture that a GGUF file or config.json names, in quotes.
  const std::string &architecture() const { return arch; }

  /// Whether the setting is there (JSON's null is not).
  bool has(Key key) const;

  /// Whether config.json says null.
  bool saysNone(std::string_view key) const;

  /// Moves to an object within config.json, such as "text_config", if there.
  void enter(std::string_view section);

  /// A whole number from 1 to 2^31 - 1 (0 too for `count`), a finite number, a
  /// bool, a string. Without a fallback the setting must be there.
  int64_t size(Key key, std::optional<int64_t> fallback = {});
  int64_t count(Key key, std::optional<int64_t> fallback = {});
  double number(Key key, std::optional<double> fallback = {});
  bool flag(Key key, bool fallback);
  std::string text(Key key, std::string_view fallback);
  /// A number greater than 0; 0 where the setting is absent.
  double positive(Key key);

  /// One number, at least 0, for each of `layers` layers where a GGUF file has
  /// an array of them; else nothing.
  std::optional<std::vector<int64_t>> layerCounts(std::string_view key,
                                                  size_t layers);

  /// config.json's value of a key, null if absent.
  const nlohmann::json &json(std::string_view key) const;
  /// The file's GGUF key of a setting.
  std::string ggufKey(std::string_view key) const;

  /// Records "<file>: <what>" as the error unless there is one.
  void fail(const std::string &what);
  /// Fails if config.json has `key` with another value than `expected`.
  void require(std::string_view key, const nlohmann::json &expected);

  bool failed() const { return bool(error); }
  Status status() const { return error ? Status(*error) : Status(); }

private:
  std::string nameOf(Key key) const;
  int64_t integer(Key key, std::optional<int64_t> fallback, int64_t least);

  const Checkpoint &source;
  int64_t requested;
  const nlohmann::json *section;
  std::string arch;
  std::optional<Error> error;
};

} // namespace mica

#endif // LIB_IMPORT_HYPERPARAMETERS_H
