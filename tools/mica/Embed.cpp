//===- Embed.cpp - `mica embed` -------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Commands.h"
#include "tools/mica/Npy.h"
#include "tools/mica/Support.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>

using namespace mica;

namespace {

/// Sequences of a step, at most.
constexpr uint32_t kSequences = 256;

struct EmbedOptions {
  std::string model, file = "-", npy;
  uint32_t threads = 0;
};

/// The texts of a file, one a line, as ids.
struct Texts {
  std::vector<std::vector<int32_t>> ids;
  uint64_t tokens = 0;
  uint64_t cut = 0; ///< How many were longer than the model reads.
};

/// Where embeddings go: a file, or standard output with a line for each.
class Output {
public:
  static Expected<Output> create(const EmbedOptions &options, uint64_t count,
                                 uint64_t width) {
    Output output;
    uint64_t shape[] = {count, width};
    if (options.npy.empty()) {
      output.lines.resize(count * width);
    } else {
      auto writer = NpyWriter::create(options.npy, shape);
      if (!writer)
        return writer.takeError();
      output.writer = std::move(*writer);
    }
    return output;
  }

  Status write(uint64_t index, std::span<const float> row) {
    if (writer)
      return writer->write(index * row.size(), row);
    std::ranges::copy(row, lines.begin() + ptrdiff_t(index * row.size()));
    return {};
  }

  Status finish(uint64_t width) {
    if (writer)
      return writer->commit();
    for (size_t i = 0; i < lines.size(); ++i)
      std::printf("%.9g%c", double(lines[i]), (i + 1) % width ? ' ' : '\n');
    return {};
  }

private:
  std::optional<NpyWriter> writer;
  std::vector<float> lines;
};

} // namespace

/// The ids of every line of `text`. What a model reads at most ends, as
/// everywhere, with the token that ends a text.
static Texts tokenize(const Tokenizer &tokenizer, std::string_view text,
                      uint32_t most) {
  Texts texts;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    std::vector<int32_t> ids = tokenizer.encode(line);
    if (ids.size() > most) {
      int32_t last = ids.back();
      bool isSpecial = tokenizer.isControl(last);
      ids.resize(most);
      if (isSpecial)
        ids.back() = last;
      ++texts.cut;
    }
    texts.tokens += ids.size();
    texts.ids.push_back(std::move(ids));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return texts;
}

/// Sequences for the texts from `next` on, in `order`, that fit in a step.
static std::vector<Sequence> sequencesFor(Model &model, const Texts &texts,
                                          std::span<const uint32_t> order,
                                          size_t next) {
  std::vector<Sequence> sequences;
  for (size_t room = model.info().maxRows;
       next < order.size() && sequences.size() < kSequences; ++next) {
    size_t count = texts.ids[order[next]].size();
    if (count > room)
      break;
    room -= count;
    sequences.push_back(model.createSequence());
  }
  return sequences;
}

/// Embeds the texts, as many in each step as fit: those of like length
/// together, so that steps are of like size.
static Status embed(Model &model, const Texts &texts, Output &output) {
  std::vector<uint32_t> order(texts.ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    return std::pair(texts.ids[b].size(), a) <
           std::pair(texts.ids[a].size(), b);
  });
  Progress progress("embed", order.size());
  for (size_t next = 0; next < order.size();) {
    auto sequences = sequencesFor(model, texts, order, next);
    if (sequences.empty())
      return Error{"line " + std::to_string(order[next] + 1) + " has " +
                   std::to_string(texts.ids[order[next]].size()) +
                   " tokens, expected at most the " +
                   std::to_string(model.info().maxRows) + " of a step"};
    std::vector<Request> requests;
    requests.reserve(sequences.size());
    for (size_t i = 0; i < sequences.size(); ++i)
      requests.push_back({&sequences[i], texts.ids[order[next + i]]});
    auto rows = model.step(requests);
    if (!rows)
      return rows.takeError();
    for (uint32_t i = 0; i < rows->rows; ++i, ++next)
      if (Status status = output.write(order[next], rows->row(i)); !status)
        return status;
    progress.update(next);
  }
  return {};
}

static Status run(const EmbedOptions &options) {
  auto model = Model::load(
      options.model, {.threads = options.threads, .sequences = kSequences});
  if (!model)
    return model.takeError();
  if (!model->info().embeddingWidth)
    return Error{options.model + ": gives logits, expected a model that gives "
                                 "embeddings"};
  auto tokenizer = loadTokenizer(*model, options.model);
  if (!tokenizer)
    return tokenizer.takeError();
  auto text = readFile(options.file);
  if (!text)
    return text.takeError();
  Texts texts = tokenize(*tokenizer, *text, model->info().maxContext);
  if (texts.ids.empty())
    return Error{options.file + ": no lines, expected 1 or more"};
  uint32_t width = model->info().embeddingWidth;
  auto output = Output::create(options, texts.ids.size(), width);
  if (!output)
    return output.takeError();
  auto begin = std::chrono::steady_clock::now();
  if (Status status = embed(*model, texts, *output); !status)
    return status;
  std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - begin;
  if (Status status = output->finish(width); !status)
    return status;
  if (texts.cut)
    std::fprintf(stderr, "%llu lines cut to %u tokens\n",
                 (unsigned long long)texts.cut, model->info().maxContext);
  std::fprintf(stderr,
               "%zu lines, %llu tokens: %.1f lines/s, %.0f tokens/s; %u "
               "thread%s\n",
               texts.ids.size(), (unsigned long long)texts.tokens,
               double(texts.ids.size()) / taken.count(),
               double(texts.tokens) / taken.count(), model->threads(),
               model->threads() == 1 ? "" : "s");
  return {};
}

void mica::addEmbedCommand(CLI::App &app, int &status) {
  CLI::App *command =
      app.add_subcommand("embed", "Make an embedding of every line of a file");
  auto options = std::make_shared<EmbedOptions>();
  command->add_option("model", options->model, "A .mica file")->required();
  command->add_option("-f,--file", options->file,
                      "The texts, one a line; -: standard input");
  command->add_option("--npy", options->npy,
                      "Write f32 [lines, width] to a NumPy file, instead of "
                      "numbers to standard output");
  command->add_option("--threads", options->threads,
                      "Threads; 0: one for each core");
  command->footer("Example:\n  mica embed M.mica -f sentences.txt --npy "
                  "embeddings.npy\n");
  command->callback([options, &status] {
    if (Status result = run(*options); !result)
      status = report(result.error());
  });
}
