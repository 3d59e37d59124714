//===- EvalScores.cpp - Perplexity and divergence over windows ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Eval.h"
#include "tools/mica/LogitSource.h"
#include "tools/mica/Support.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <thread>

using namespace mica;

//===----------------------------------------------------------------------===//
// One window
//===----------------------------------------------------------------------===//

namespace {

/// Tokens in an empty cache. Scored are the distributions after tokens
/// [from, to), and of those what they say of the next token, if there is one.
struct Window {
  std::vector<int32_t> tokens;
  size_t from, to;
};

/// Runs windows through one source, or through two by turns.
class Scorer {
public:
  Scorer(const EvalOptions &options, LogitSource &source, LogitSource *against)
      : options(options), source(source), against(against) {}

  Status add(const Window &window);
  Scores scores;

private:
  size_t pieceSize(size_t done) const;
  Status addRows(const Window &window, size_t first, const Logits &logits,
                 const Logits &base);

  const EvalOptions &options;
  LogitSource &source;
  LogitSource *against; // Or none.
};

} // namespace

/// How many tokens are fed next, `done` being behind them.
size_t Scorer::pieceSize(size_t done) const {
  if (done >= options.decodeFrom)
    return 1;
  size_t most = source.maxRows();
  if (against)
    most = std::min<size_t>(most, against->maxRows());
  if (options.chunk)
    most = std::min<size_t>(most, options.chunk);
  return std::min<size_t>(most, options.decodeFrom - done);
}

Status Scorer::add(const Window &window) {
  ++scores.windows;
  for (LogitSource *each : {&source, against})
    if (each)
      if (Status status = each->begin(); !status)
        return status;
  for (size_t at = 0, size; at < window.to; at += size) {
    size = std::min(pieceSize(at), window.to - at);
    auto piece = std::span(window.tokens).subspan(at, size);
    size_t first = std::max(at, std::min(window.from, at + size));
    auto outputs = uint32_t(at + size - first);
    auto logits = source.feed(piece, outputs);
    if (!logits)
      return logits.takeError();
    Logits base;
    if (against) {
      auto found = against->feed(piece, outputs);
      if (!found)
        return found.takeError();
      base = *found;
    }
    if (Status status = addRows(window, first, *logits, base); !status)
      return status;
  }
  return {};
}

/// Calls work(i) for all i below `count`, on several threads if that is much.
template <class Work>
static void forEachRow(uint32_t threads, uint32_t count, bool much, Work work) {
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  threads = much ? std::min(threads, count) : 1;
  auto share = [&](uint32_t first) {
    for (uint32_t i = first; i < count; i += threads)
      work(i);
  };
  std::vector<std::jthread> others;
  for (uint32_t k = 1; k < threads; ++k)
    others.emplace_back(share, k);
  share(0);
}

/// Scores the distributions after tokens `first` and on of a window.
Status Scorer::addRows(const Window &window, size_t first, const Logits &logits,
                       const Logits &base) {
  struct Row {
    double nll = 0, base = 0, kl = 0;
    bool agree = false;
  };
  std::vector<Row> rows(logits.rows);
  auto next = [&](size_t i) { return first + i + 1; };
  bool much = uint64_t(logits.rows) * logits.vocab > 1 << 20;
  forEachRow(options.threads, logits.rows, much, [&](uint32_t i) {
    bool predicts = next(i) < window.tokens.size();
    if (predicts)
      rows[i].nll = negativeLog(logits.row(i), window.tokens[next(i)]);
    if (!base.data)
      return;
    if (predicts)
      rows[i].base = negativeLog(base.row(i), window.tokens[next(i)]);
    rows[i].kl = divergence(base.row(i), logits.row(i));
    rows[i].agree = argmax(base.row(i)) == argmax(logits.row(i));
  });
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row &row = rows[i];
    if (!std::isfinite(row.nll + row.base + row.kl))
      return Error{"eval: logits after token " + std::to_string(first + i) +
                   " of window " + std::to_string(scores.windows - 1) +
                   " are not finite, expected finite ones"};
    if (next(i) < window.tokens.size())
      scores.nll.push_back(row.nll);
    if (next(i) < window.tokens.size() && base.data)
      scores.base.push_back(row.base);
    if (base.data) {
      scores.kl.push_back(row.kl);
      scores.agree.push_back(row.agree);
    }
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Windows of a text
//===----------------------------------------------------------------------===//

namespace {

/// The windows of a text, by the options.
struct TextWindows {
  const EvalOptions &options;
  std::vector<int32_t> ids; ///< Behind the start token, if there is one.
  std::optional<int32_t> start;

  size_t count() const;
  Window at(size_t index) const;
};

} // namespace

size_t TextWindows::count() const {
  size_t size = options.context, n = ids.size();
  if (options.everyToken) {
    size_t own = size - start.has_value();
    return (n - start.has_value() + own - 1) / own;
  }
  return options.stride ? (n - size + options.stride - 1) / options.stride
                        : n / size;
}

Window TextWindows::at(size_t index) const {
  size_t size = options.context;
  auto part = [&](size_t begin, size_t count) {
    auto first = ids.begin() + begin;
    return std::vector(first, first + std::min(count, ids.size() - begin));
  };
  if (options.stride)
    return {part(index * options.stride, size), size - options.stride - 1,
            size - 1};
  if (options.everyToken) {
    size_t own = size - start.has_value();
    std::vector<int32_t> tokens = part(start.has_value() + index * own, own);
    if (start)
      tokens.insert(tokens.begin(), *start);
    size_t last = tokens.size() - 1;
    return {std::move(tokens), 0, last};
  }
  std::vector<int32_t> tokens = part(index * size, size);
  if (start)
    tokens[0] = *start;
  return {std::move(tokens), size / 2, size - 1};
}

/// The text's tokens by a model's own tokenizer.
static Expected<TextWindows> readText(const EvalOptions &options,
                                      const Model &model,
                                      const std::string &path) {
  auto tokenizer = loadTokenizer(model, path);
  if (!tokenizer)
    return tokenizer.takeError();
  std::string all;
  for (const std::string &file : options.text) {
    auto text = readFile(file);
    if (!text)
      return text.takeError();
    all += *text;
  }
  TextWindows windows{options, {}, {}};
  windows.ids =
      tokenizer->encode(all, {.addSpecial = false, .parseSpecial = false});
  if (options.limit && windows.ids.size() > options.limit)
    windows.ids.resize(options.limit);
  if (tokenizer->bos() >= 0 && !tokenizer->encode("").empty()) {
    windows.start = tokenizer->bos();
    windows.ids.insert(windows.ids.begin(), tokenizer->bos());
  }
  size_t least =
      options.everyToken ? 2 : options.context + (options.stride > 0);
  if (windows.ids.size() < least)
    return Error{options.text[0] + ": text has " +
                 std::to_string(windows.ids.size()) + " tokens, expected " +
                 std::to_string(least) + " or more (--ctx)"};
  return windows;
}

//===----------------------------------------------------------------------===//
// The two commands
//===----------------------------------------------------------------------===//

static Expected<std::unique_ptr<LogitSource>>
openSource(const std::string &path, const EvalOptions &options,
           const IntArray *tokens) {
  if (isNpy(path) && tokens)
    return openNpySource(path, tokens->shape);
  if (isNpy(path))
    return Error{path + ": logits beside --text, expected an artifact, or "
                        "--tokens"};
  LoadOptions load{.threads = options.threads,
                   .kvTokens = tokens ? tokens->shape[1] : options.context};
  if (options.shuffle)
    load.pageSeed = options.pageSeed;
  return openModelSource(path, load);
}

static Status checkVocab(const EvalOptions &options, const LogitSource &source,
                         const LogitSource &against) {
  if (source.vocab() == against.vocab())
    return {};
  return Error{options.against + ": vocabulary has " +
               std::to_string(against.vocab()) + " tokens, expected " +
               std::to_string(source.vocab()) + " as in " + options.model};
}

static Status checkWindow(const EvalOptions &options,
                          const LogitSource &source) {
  if (options.context < 3 || options.context > source.maxContext())
    return Error{"--ctx: " + std::to_string(options.context) +
                 " tokens, expected 3 to the model's " +
                 std::to_string(source.maxContext())};
  if (options.stride >= options.context)
    return Error{"--stride: " + std::to_string(options.stride) +
                 " tokens, expected fewer than the " +
                 std::to_string(options.context) + " of --ctx"};
  return {};
}

Status mica::evalText(const EvalOptions &options) {
  auto source = openSource(options.model, options, nullptr);
  if (!source)
    return source.takeError();
  if (Status status = checkWindow(options, **source); !status)
    return status;
  auto windows = readText(options, *(*source)->model(), options.model);
  if (!windows)
    return windows.takeError();
  std::unique_ptr<LogitSource> against;
  if (!options.against.empty()) {
    auto opened = openSource(options.against, options, nullptr);
    if (!opened)
      return opened.takeError();
    against = std::move(*opened);
    if (Status status = checkVocab(options, **source, *against); !status)
      return status;
    if (Status status = checkWindow(options, *against); !status)
      return status;
    auto theirs = readText(options, *against->model(), options.against);
    if (!theirs)
      return theirs.takeError();
    if (theirs->ids != windows->ids)
      return Error{options.against +
                   ": tokenizer gives other ids for the "
                   "text, expected those of " +
                   options.model};
  }
  Scorer scorer(options, **source, against.get());
  double sum = 0;
  for (size_t i = 0, done = 0, count = windows->count(); i < count; ++i) {
    if (Status status = scorer.add(windows->at(i)); !status)
      return status;
    const std::vector<double> &nll = scorer.scores.nll;
    for (; done < nll.size(); ++done)
      sum += nll[done];
    if (!options.json && done)
      std::fprintf(stderr, "[%zu]%.4f%s", i + 1, std::exp(sum / double(done)),
                   i + 1 < count ? "," : "\n");
  }
  return reportScores(options, std::move(scorer.scores));
}

Status mica::evalTokens(const EvalOptions &options) {
  auto tokens = readTokens(options);
  if (!tokens)
    return tokens.takeError();
  uint64_t length = tokens->shape[1];
  if (options.skip >= length)
    return Error{"--skip: " + std::to_string(options.skip) +
                 " tokens, expected fewer than the " + std::to_string(length) +
                 " of a sequence"};
  auto source = openSource(options.model, options, &*tokens);
  if (!source)
    return source.takeError();
  auto against = openSource(options.against, options, &*tokens);
  if (!against)
    return against.takeError();
  if (Status status = checkVocab(options, **source, **against); !status)
    return status;
  for (int32_t id : tokens->values)
    if (id < 0 || uint32_t(id) >= (*source)->vocab())
      return Error{options.tokens + ": token is " + std::to_string(id) +
                   ", expected 0 to " + std::to_string((*source)->vocab() - 1)};
  Scorer scorer(options, **source, against->get());
  Progress progress("eval", tokens->shape[0]);
  for (uint64_t s = 0; s < tokens->shape[0]; ++s) {
    auto first = tokens->values.begin() + s * length;
    if (Status status = scorer.add(
            {std::vector(first, first + length), options.skip, length});
        !status)
      return status;
    progress.update(s + 1);
  }
  return reportScores(options, std::move(scorer.scores));
}
