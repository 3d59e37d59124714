//===- EvalLogits.cpp - Logits of given tokens ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Eval.h"
#include "tools/mica/Support.h"

#include <algorithm>

using namespace mica;

namespace {

/// Feeds rows of tokens as the options say and writes the logits of all.
class LogitsRun {
public:
  LogitsRun(Model &model, const EvalOptions &options, const IntArray &tokens,
            NpyWriter &writer)
      : model(model), options(options), tokens(tokens), writer(writer),
        progress("eval", tokens.values.size()) {}

  Status run() {
    uint64_t sequences = tokens.shape[0];
    for (uint64_t s = 0; s < sequences; s += options.ragged ? sequences : 1)
      if (Status status = runTogether(s, options.ragged ? sequences : s + 1);
          !status)
        return status;
    return {};
  }

private:
  /// Feeds sequences [first, last), all in each step as long as they last.
  Status runTogether(uint64_t first, uint64_t last) {
    uint64_t length = tokens.shape[1];
    std::vector<Sequence> sequences;
    for (uint64_t s = first; s < last; ++s)
      sequences.push_back(model.createSequence());
    for (uint64_t turn = 0;; ++turn) {
      std::vector<Request> requests;
      std::vector<uint64_t> places; // Of each request's first token.
      uint32_t room = model.info().maxRows;
      for (uint64_t i = 0; i < sequences.size() && room; ++i) {
        // Who comes first changes, so that order cannot matter unseen.
        uint64_t k = (i + turn) % sequences.size();
        uint64_t done = sequences[k].length();
        uint32_t count =
            std::min<uint64_t>({pieceSize(k, done, turn), length - done, room});
        if (!count)
          continue;
        room -= count;
        places.push_back((first + k) * length + done);
        requests.push_back(
            {&sequences[k],
             std::span(tokens.values).subspan(places.back(), count), count});
      }
      if (requests.empty())
        return {};
      if (Status status = stepAndWrite(requests, places); !status)
        return status;
    }
  }

  /// How many tokens a sequence takes next, `done` being behind it.
  uint64_t pieceSize(uint64_t sequence, uint64_t done, uint64_t turn) const {
    if (done >= options.decodeFrom)
      return 1;
    uint64_t most = model.info().maxRows;
    if (options.ragged)
      most = 1 + (3 * sequence + 5 * turn) % 7;
    else if (options.chunk)
      most = options.chunk;
    return std::min<uint64_t>(most, options.decodeFrom - done);
  }

  Status stepAndWrite(std::span<const Request> requests,
                      std::span<const uint64_t> places) {
    auto logits = model.step(requests);
    if (!logits)
      return logits.takeError();
    uint32_t row = 0;
    for (size_t i = 0; i < requests.size(); ++i)
      for (size_t k = 0; k < requests[i].tokens.size(); ++k, ++row)
        if (Status status =
                writer.write((places[i] + k) * logits->vocab, logits->row(row));
            !status)
          return status;
    progress.update(done += row);
    return {};
  }

  Model &model;
  const EvalOptions &options;
  const IntArray &tokens;
  NpyWriter &writer;
  Progress progress;
  uint64_t done = 0;
};

} // namespace

/// Writes the embedding of each row of tokens, all of one step if `ragged`:
/// sequence s without its last 5 s tokens then, so that lengths differ.
static Status evalEmbeddings(Model &model, const EvalOptions &options,
                             const IntArray &tokens) {
  uint64_t count = tokens.shape[0], length = tokens.shape[1];
  uint64_t shape[] = {count, model.info().embeddingWidth};
  auto writer = NpyWriter::create(options.logits, shape);
  if (!writer)
    return writer.takeError();
  for (uint64_t s = 0, end; s < count; s = end) {
    end = options.ragged ? count : s + 1;
    std::vector<Sequence> sequences;
    std::vector<Request> requests;
    for (uint64_t i = s; i < end; ++i)
      sequences.push_back(model.createSequence());
    for (uint64_t i = s; i < end; ++i) {
      uint64_t cut = options.ragged ? std::min(5 * i, length - 1) : 0;
      requests.push_back(
          {&sequences[i - s],
           std::span(tokens.values).subspan(i * length, length - cut)});
    }
    auto rows = model.step(requests);
    if (!rows)
      return rows.takeError();
    for (uint64_t i = s; i < end; ++i)
      if (Status status =
              writer->write(i * shape[1], rows->row(uint32_t(i - s)));
          !status)
        return status;
  }
  return writer->commit();
}

Expected<IntArray> mica::readTokens(const EvalOptions &options) {
  auto bytes = readFile(options.tokens);
  if (!bytes)
    return bytes.takeError();
  auto tokens = parseNpy(*bytes, options.tokens);
  if (tokens && (tokens->shape.size() != 2 || tokens->values.empty()))
    return Error{options.tokens + ": shape has " +
                 std::to_string(tokens->shape.size()) + " dimensions and " +
                 std::to_string(tokens->values.size()) +
                 " values, expected [sequences, tokens] and 1 or more"};
  return tokens;
}

Status mica::evalLogits(const EvalOptions &options) {
  auto tokens = readTokens(options);
  if (!tokens)
    return tokens.takeError();
  LoadOptions load{.threads = options.threads, .kvTokens = tokens->shape[1]};
  if (options.ragged) {
    load.sequences = tokens->shape[0];
    load.kvTokens *= tokens->shape[0];
  }
  if (options.shuffle)
    load.pageSeed = options.pageSeed;
  auto model = Model::load(options.model, load);
  if (!model)
    return model.takeError();
  if (model->info().embeddingWidth)
    return evalEmbeddings(*model, options, *tokens);
  uint64_t shape[] = {tokens->shape[0], tokens->shape[1], model->info().vocab};
  auto writer = NpyWriter::create(options.logits, shape);
  if (!writer)
    return writer.takeError();
  if (Status status = LogitsRun(*model, options, *tokens, *writer).run();
      !status)
    return status;
  return writer->commit();
}
