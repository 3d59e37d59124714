//===- Model.h - Run a compiled model ---------------------------*- C++ -*-===//
//
//   auto model = mica::Model::load("M.mica");
//   if (!model)
//     return report(model.error());
//   auto sequence = model->createSequence();
//   mica::Sampler sampler({.temperature = 0.7f, .seed = 1});
//   auto stats = model->generate(sequence, prompt, sampler, {.maxTokens = 64},
//                                [](int32_t token) { return show(token); });
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef MICA_MODEL_H
#define MICA_MODEL_H

#include "mica/Sampler.h"
#include "mica/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct mica_step;

namespace mica {

struct Manifest;
struct ModelState;

struct LoadOptions {
  /// 0: one for each core that the process may use.
  uint32_t threads = 0;
  /// What the cache holds over all sequences; 0: as many as one sequence may
  /// have. Only memory that is used counts.
  uint64_t kvTokens = 0;
  /// Sequences at a time; each may have a page that is partly full.
  uint32_t sequences = 1;
  /// Use the cache's pages in a random order.
  std::optional<uint64_t> pageSeed = {};
};

/// What a model says about itself.
struct ModelInfo {
  std::string name, family, dtype;
  uint32_t vocab;      ///< Token ids are below it.
  uint32_t maxContext; ///< Tokens of one sequence.
  uint32_t maxRows;    ///< Tokens of one step.
  uint32_t layers;
  uint64_t parameters;
  std::string target; ///< What the code is for: "x86-64-v4+avx512bf16".
  uint32_t images;    ///< How many there were to choose from.
  /// Columns of an embedding, which steps give in the place of logits, one for
  /// each sequence; 0: they give logits.
  uint32_t embeddingWidth;
};

/// Tokens with their cache. Frees its pages when destroyed, which must be
/// before the model is.
class Sequence {
public:
  Sequence() = default;
  Sequence(Sequence &&other) noexcept;
  Sequence &operator=(Sequence &&other) noexcept;
  ~Sequence();

  /// Tokens in its cache.
  uint32_t length() const;

  /// A sequence with the same tokens. Pages are shared until one of the two
  /// appends to them.
  Sequence fork() const;

  /// Drops the tokens from `length` on, at most `length()`. False, and nothing
  /// has changed, where a layer's window no longer has what the next token
  /// would see, or where layers keep a state, which can forget all tokens only;
  /// then the tokens are to be fed again.
  bool truncate(uint32_t length);

private:
  friend class Model;
  Sequence(ModelState *model, uint32_t id) : model(model), id(id) {}

  ModelState *model = nullptr;
  uint32_t id = 0;
};

/// Tokens to append to one sequence in a step.
struct Request {
  const Sequence *sequence;
  std::span<const int32_t> tokens;
  uint32_t outputs =
      1; ///< The last tokens, this many, whose logits are wanted.
};

/// Logits, or embeddings (`ModelInfo::embeddingWidth`), valid until the next
/// step of the model.
struct Logits {
  const float *data = nullptr; ///< [rows][stride]
  uint32_t rows = 0;           ///< In the order of the requests and tokens.
  uint32_t vocab = 0;          ///< Columns of a row.
  uint32_t stride = 0;

  /// Those of one row, [vocab].
  std::span<const float> row(uint32_t index) const {
    return {data + size_t(index) * stride, vocab};
  }
};

struct GenerateOptions {
  uint32_t maxTokens = 128;
  std::vector<int32_t> endTokens = {}; ///< Any of these ends the text.
};

/// What `generate` did and how long it took.
struct GenerateStats {
  uint32_t promptTokens = 0, newTokens = 0;
  uint32_t decodeSteps = 0; ///< Steps of one token, after the prompt.
  double promptSeconds = 0, decodeSeconds = 0; ///< Sampling included.
  bool ended = false;                          ///< By a token of `endTokens`.
};

/// When a phase of a step ran, on worker 0, in nanoseconds of a steady clock.
struct TimeStamp {
  std::string phase;
  uint64_t begin;   ///< All workers had finished the phase before.
  uint64_t arrived; ///< Worker 0 had no more to do.
  uint64_t end;     ///< All workers had finished.
};

/// A compiled model, ready to run. Not for use by several threads at a time; it
/// brings its own. Moving it keeps its sequences valid.
class Model {
public:
  /// Maps the artifact, checks it and starts the workers.
  static Expected<Model> load(const std::string &path,
                              const LoadOptions &options = {});
  Model(Model &&) noexcept;
  Model &operator=(Model &&) noexcept;
  ~Model();

  const ModelInfo &info() const;
  uint32_t threads() const;

  /// The CPU to which each thread is bound; empty if they are not.
  std::span<const int> cpus() const;

  /// The artifact's tokenizer tables, empty if it has none.
  std::span<const uint8_t> tokenizer() const;

  Sequence createSequence();

  /// Appends tokens to several sequences at once, at most `info().maxRows` in
  /// all and each sequence at most once. On an error nothing has changed.
  Expected<Logits> step(std::span<const Request> requests);

  /// Appends any number of tokens to a sequence, in steps of at most `chunk`
  /// (0: as many as possible), and returns the logits of the last one; no
  /// others are computed.
  Expected<Logits> feed(const Sequence &sequence,
                        std::span<const int32_t> tokens, uint32_t chunk = 0);

  /// Appends the prompt, then draws tokens until one ends the text, there are
  /// `maxTokens`, or `show` returns false. The sampler accepts all of them. The
  /// last token is not in the cache.
  Expected<GenerateStats> generate(const Sequence &sequence,
                                   std::span<const int32_t> prompt,
                                   Sampler &sampler,
                                   const GenerateOptions &options,
                                   const std::function<bool(int32_t)> &show);

  /// Begins (dropping what was recorded) or ends the recording of phases.
  void recordPhases(bool on);
  std::vector<TimeStamp> phases() const;

  /// Has `observer` called whenever a phase (an index into the manifest's) has
  /// ended, while all workers wait; no longer if it is empty. It may read the
  /// workspace of the step, on whatever thread it is called.
  void observePhases(
      std::function<void(const mica_step &step, uint32_t phase)> observer);
  /// What the artifact says about itself (runtime/Manifest.h).
  const Manifest &manifest() const;

private:
  explicit Model(std::unique_ptr<ModelState> state);
  std::unique_ptr<ModelState> state;
};

} // namespace mica

#endif // MICA_MODEL_H
