//===- LogitSource.cpp - Logits of a model or of a file -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/LogitSource.h"
#include "tools/mica/Support.h"

#include <limits>

using namespace mica;

namespace {

class ModelSource : public LogitSource {
public:
  explicit ModelSource(Model loaded) : artifact(std::move(loaded)) {}

  uint32_t vocab() const override { return artifact.info().vocab; }
  uint32_t maxContext() const override { return artifact.info().maxContext; }
  uint32_t maxRows() const override { return artifact.info().maxRows; }
  const Model *model() const override { return &artifact; }

  Status begin() override {
    sequence = artifact.createSequence();
    return {};
  }

  Expected<Logits> feed(std::span<const int32_t> tokens,
                        uint32_t outputs) override {
    Request request{&sequence, tokens, outputs};
    return artifact.step({&request, 1});
  }

private:
  Model artifact;
  Sequence sequence; // Ends before the model.
};

class NpySource : public LogitSource {
public:
  explicit NpySource(NpyReader file) : file(std::move(file)) {}

  uint32_t vocab() const override { return uint32_t(file.shape()[2]); }
  uint32_t maxContext() const override {
    return std::numeric_limits<uint32_t>::max();
  }
  uint32_t maxRows() const override { return 64; }

  Status begin() override {
    at = window++ * file.shape()[1];
    return {};
  }

  Expected<Logits> feed(std::span<const int32_t> tokens,
                        uint32_t outputs) override {
    at += tokens.size();
    rows.resize(size_t(outputs) * vocab());
    if (Status status = file.read((at - outputs) * vocab(), rows); !status)
      return status.takeError();
    return Logits{rows.data(), outputs, vocab(), vocab()};
  }

private:
  NpyReader file;
  std::vector<float> rows;
  uint64_t window = 0; // The next one.
  uint64_t at = 0;     // The row of the next token.
};

} // namespace

bool mica::isNpy(const std::string &path) { return path.ends_with(".npy"); }

Expected<std::unique_ptr<LogitSource>>
mica::openModelSource(const std::string &path, const LoadOptions &options) {
  auto model = Model::load(path, options);
  if (!model)
    return model.takeError();
  if (Status status = expectLogits(*model, path); !status)
    return status.takeError();
  return std::unique_ptr<LogitSource>(
      std::make_unique<ModelSource>(std::move(*model)));
}

Expected<std::unique_ptr<LogitSource>>
mica::openNpySource(const std::string &path, std::span<const uint64_t> tokens) {
  auto file = NpyReader::open(path);
  if (!file)
    return file.takeError();
  auto shape = file->shape();
  if (shape.size() != 3 || shape[0] != tokens[0] || shape[1] != tokens[1] ||
      !shape[2] || shape[2] > uint64_t(std::numeric_limits<int32_t>::max())) {
    std::string found;
    for (uint64_t extent : shape)
      found += (found.empty() ? "" : ", ") + std::to_string(extent);
    return Error{path + ": shape is [" + found + "], expected [" +
                 std::to_string(tokens[0]) + ", " + std::to_string(tokens[1]) +
                 ", vocabulary] as the tokens have"};
  }
  return std::unique_ptr<LogitSource>(
      std::make_unique<NpySource>(std::move(*file)));
}
