//===- Eval.cpp - `mica eval` ---------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Commands.h"
#include "tools/mica/Npy.h"
#include "tools/mica/Support.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

using namespace mica;

namespace {

struct EvalOptions {
  std::string model, tokens, logits, text;
  uint32_t chunk = 0, decodeFrom = UINT32_MAX, threads = 0, context = 0;
  uint64_t limit = 0, pageSeed = 0;
  bool ragged = false, json = false, shuffle = false;
};

//===----------------------------------------------------------------------===//
// Logits of given tokens
//===----------------------------------------------------------------------===//

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

Expected<Model> loadFor(const EvalOptions &options, uint64_t tokens,
                        uint32_t sequences) {
  std::optional<uint64_t> seed;
  if (options.shuffle)
    seed = options.pageSeed;
  return Model::load(options.model, {.threads = options.threads,
                                     .kvTokens = tokens,
                                     .sequences = sequences,
                                     .pageSeed = seed});
}

Status evalTokens(const EvalOptions &options) {
  auto bytes = readFile(options.tokens);
  if (!bytes)
    return bytes.takeError();
  auto tokens = parseNpy(*bytes, options.tokens);
  if (!tokens)
    return tokens.takeError();
  if (tokens->shape.size() != 2 || tokens->values.empty())
    return Error{options.tokens + ": shape has " +
                 std::to_string(tokens->shape.size()) + " dimensions and " +
                 std::to_string(tokens->values.size()) +
                 " values, expected [sequences, tokens] and 1 or more"};
  uint64_t sequences = options.ragged ? tokens->shape[0] : 1;
  auto model = loadFor(options, sequences * tokens->shape[1], sequences);
  if (!model)
    return model.takeError();
  uint64_t shape[] = {tokens->shape[0], tokens->shape[1], model->info().vocab};
  auto writer = NpyWriter::create(options.logits, shape);
  if (!writer)
    return writer.takeError();
  if (Status status = LogitsRun(*model, options, *tokens, *writer).run();
      !status)
    return status;
  return writer->commit();
}

//===----------------------------------------------------------------------===//
// Perplexity of a text
//===----------------------------------------------------------------------===//

/// -log of the probability of `token`.
double negativeLog(std::span<const float> logits, int32_t token) {
  float best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(logit - best);
  return std::log(sum) - (double(logits[token]) - best);
}

struct Perplexity {
  double nll = 0; // Over all predicted tokens.
  uint64_t predicted = 0, windows = 0;
};

/// Adds one window: its tokens after the first `given`, each after all before.
Status addWindow(Model &model, std::span<const int32_t> window, uint32_t given,
                 Perplexity &total) {
  Sequence sequence = model.createSequence();
  uint32_t rows = model.info().maxRows;
  for (size_t at = 0; at < window.size(); at += rows) {
    auto piece = window.subspan(at, std::min<size_t>(rows, window.size() - at));
    Request request{&sequence, piece, uint32_t(piece.size())};
    auto logits = model.step({&request, 1});
    if (!logits)
      return logits.takeError();
    for (size_t i = 0; i < piece.size() && at + i + 1 < window.size(); ++i) {
      if (at + i + 1 < given)
        continue;
      total.nll += negativeLog(logits->row(i), window[at + i + 1]);
      ++total.predicted;
    }
  }
  ++total.windows;
  return {};
}

void printPerplexity(const Perplexity &total, bool asJson) {
  double nll = total.nll / double(std::max<uint64_t>(total.predicted, 1));
  if (asJson) {
    nlohmann::json out = {{"tokens", total.predicted},
                          {"windows", total.windows},
                          {"nll", nll},
                          {"perplexity", std::exp(nll)}};
    std::printf("%s\n", out.dump().c_str());
    return;
  }
  std::printf("perplexity %.6f (%.6f nats per token, %llu tokens, %llu "
              "windows)\n",
              std::exp(nll), nll, (unsigned long long)total.predicted,
              (unsigned long long)total.windows);
}

Status evalText(const EvalOptions &options) {
  uint32_t context = options.context ? options.context : 512;
  auto model = loadFor(options, context, 1);
  if (!model)
    return model.takeError();
  auto tokenizer = loadTokenizer(*model, options.model);
  if (!tokenizer)
    return tokenizer.takeError();
  auto text = readFile(options.text);
  if (!text)
    return text.takeError();
  // Each window begins as a text does; without such a beginning its first
  // token is given.
  std::vector<int32_t> start;
  if (tokenizer->bos() >= 0 && !tokenizer->encode("").empty())
    start.push_back(tokenizer->bos());
  auto ids =
      tokenizer->encode(*text, {.addSpecial = false, .parseSpecial = false});
  if (options.limit && ids.size() > options.limit)
    ids.resize(options.limit);
  if (context <= start.size() + 1 || context > model->info().maxContext)
    return Error{"--ctx: " + std::to_string(context) +
                 " tokens, expected 3 to the model's " +
                 std::to_string(model->info().maxContext)};
  uint32_t given = std::max<uint32_t>(start.size(), 1);
  uint32_t size = context - start.size();
  Perplexity total;
  Progress progress("eval", ids.size());
  for (size_t at = 0; at < ids.size(); at += size) {
    std::vector<int32_t> window = start;
    window.insert(window.end(), ids.begin() + at,
                  ids.begin() + std::min(ids.size(), at + size));
    if (Status status = addWindow(*model, window, given, total); !status)
      return status;
    progress.update(at + size);
  }
  printPerplexity(total, options.json);
  return {};
}

int eval(const EvalOptions &options) {
  if (options.text.empty() &&
      (options.tokens.empty() || options.logits.empty()))
    return report(Error{"eval: neither --text nor both --tokens and --logits "
                        "given, expected one of the two"});
  Status status =
      options.text.empty() ? evalTokens(options) : evalText(options);
  return status ? 0 : report(status.error());
}

} // namespace

void mica::addEvalCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "eval", "Write the logits of given tokens, or print the perplexity of a "
              "text");
  command->footer(
      "Examples:\n"
      "  mica eval M.mica --tokens T.npy --logits L.npy --chunk 64\n"
      "  mica eval M.mica --text book.txt --ctx 512\n");
  auto o = std::make_shared<EvalOptions>();
  command->add_option("model", o->model, "A .mica file")->required();
  command->add_option("--tokens", o->tokens,
                      "A .npy file, int32 [sequences, tokens]");
  command->add_option("--logits", o->logits,
                      "The .npy file to write, float32 [sequences, tokens, "
                      "vocabulary]");
  command
      ->add_option("--chunk", o->chunk,
                   "Feed N tokens a step; by default as many as possible")
      ->check(CLI::PositiveNumber);
  command->add_option("--decode-from", o->decodeFrom,
                      "From position K on, feed one token a step");
  command->add_flag("--ragged", o->ragged,
                    "Feed all sequences in one step, in pieces of 1 to 7 "
                    "tokens that differ between them");
  auto *text = command->add_option(
      "--text", o->text,
      "Print the perplexity of this file: the mean over all tokens of "
      "consecutive windows, each from an empty cache");
  command
      ->add_option("--ctx", o->context,
                   "Tokens of a window, the start token included; 512 by "
                   "default")
      ->needs(text);
  command
      ->add_option("--limit", o->limit, "Only the first N tokens of the text")
      ->needs(text);
  command->add_flag("--json", o->json, "Print the perplexity as JSON")
      ->needs(text);
  auto *seed =
      command->add_option("--page-seed", o->pageSeed,
                          "Use the cache's pages in a random order, for tests");
  command->add_option("--threads", o->threads, "Threads; 0: one for each core")
      ->capture_default_str();
  command->callback([=, &status] {
    o->shuffle = seed->count();
    status = eval(*o);
  });
}
