//===- Run.cpp - `mica run` -----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Chat.h"
#include "tools/mica/Commands.h"
#include "tools/mica/LogProbs.h"
#include "tools/mica/SamplerFlags.h"
#include "tools/mica/Support.h"

#include <cstdio>
#include <memory>

using namespace mica;

namespace {
struct RunOptions {
  std::string model, prompt, file = "-";
  bool hasPrompt = false;
  uint32_t tokens = 128, threads = 0, context = 0;
  SamplerFlags sampler;
  std::vector<std::string> stop;
  bool chat = false;
  std::string system;
};
} // namespace

static void printStats(const GenerateStats &stats, const Model &model) {
  uint32_t threads = model.threads();
  auto rate = [](uint32_t tokens, double seconds) {
    return seconds > 0 ? tokens / seconds : 0.0;
  };
  std::fprintf(
      stderr,
      "prompt: %u tokens, %.1f tokens/s; decode: %u tokens, %.1f "
      "tokens/s; %u thread%s%s%s\n",
      stats.promptTokens, rate(stats.promptTokens, stats.promptSeconds),
      stats.newTokens, rate(stats.decodeSteps, stats.decodeSeconds), threads,
      threads == 1 ? "" : "s", model.info().images > 1 ? "; code for " : "",
      model.info().images > 1 ? model.info().target.c_str() : "");
}

/// Streams the text that the model generates.
static Expected<GenerateStats> stream(Model &model, const Tokenizer &tokenizer,
                                      std::span<const int32_t> prompt,
                                      const RunOptions &options) {
  auto how = samplerOptions(options.sampler, tokenizer, model.info().vocab);
  if (!how)
    return how.takeError();
  auto logProbs =
      LogProbWriter::create(options.sampler.logProbsFile, tokenizer);
  if (!logProbs)
    return logProbs.takeError();
  Sequence sequence = model.createSequence();
  Sampler sampler(*how);
  Status written;
  Detokenizer detokenizer(tokenizer, true);
  StopStrings stop(options.stop);
  auto show = [&](const std::string &text) {
    std::string ready = stop.feed(text);
    std::fwrite(ready.data(), 1, ready.size(), stdout);
    std::fflush(stdout);
    return !stop.stopped();
  };
  auto stats = model.generate(
      sequence, prompt, sampler,
      {.maxTokens = options.tokens, .endTokens = tokenizer.eos()},
      [&](int32_t token) {
        if (how->logProbs)
          written = logProbs->write(sampler.logProbs());
        return show(detokenizer.push(token)) && written;
      });
  if (!stats)
    return stats;
  if (written)
    written = logProbs->commit();
  show(detokenizer.finish());
  std::printf("%s\n", stop.finish().c_str());
  if (!written)
    return written.takeError();
  return stats;
}

static int chat(Model &model, const Tokenizer &tokenizer,
                const RunOptions &options) {
  auto how = samplerOptions(options.sampler, tokenizer, model.info().vocab);
  if (!how)
    return report(how.error());
  if (how->logProbs)
    return report(Error{"--logprobs with --chat, expected one of them"});
  return runChat(model, tokenizer,
                 {options.model, options.system, options.tokens,
                  options.context, *how, options.stop});
}

static int run(const RunOptions &options) {
  auto model = Model::load(
      options.model, {.threads = options.threads, .kvTokens = options.context});
  if (!model)
    return report(model.error());
  if (Status status = expectLogits(*model, options.model); !status)
    return report(status.error());
  auto tokenizer = loadTokenizer(*model, options.model);
  if (!tokenizer)
    return report(tokenizer.error());
  if (options.chat)
    return chat(*model, *tokenizer, options);
  Expected<std::string> text = options.prompt;
  if (!options.hasPrompt)
    text = readFile(options.file);
  if (!text)
    return report(text.error());
  std::vector<int32_t> prompt = tokenizer->encode(*text);
  if (prompt.empty())
    return report(Error{"prompt: no tokens, expected 1 or more"});
  auto stats = stream(*model, *tokenizer, prompt, options);
  if (!stats)
    return report(stats.error());
  printStats(*stats, *model);
  return 0;
}

void mica::addRunCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "run", "Generate text, written as it comes; the speed goes to standard "
             "error");
  command->footer("Example:\n  mica run M.mica -p \"The capital of France is\" "
                  "-n 64\n");
  addRunOptions(*command, status, "");
}

void mica::addRunOptions(CLI::App &app, int &status, const std::string &model) {
  CLI::App *command = &app;
  auto options = std::make_shared<RunOptions>();
  options->model = model;
  if (model.empty())
    command->add_option("model", options->model, "A .mica file")->required();
  auto *prompt = command->add_option("-p,--prompt", options->prompt,
                                     "The text to go on from");
  command
      ->add_option("-f,--file", options->file,
                   "A file with that text; standard input by default")
      ->excludes(prompt);
  command
      ->add_option("-n,--tokens", options->tokens,
                   "The most tokens to generate")
      ->capture_default_str();
  command
      ->add_option("--stop", options->stop,
                   "End at this text, which is not shown; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--threads", options->threads,
                   "Threads; 0: one for each core")
      ->capture_default_str();
  command
      ->add_option("--ctx", options->context,
                   "Tokens that the cache holds; 0: the model's maximum")
      ->capture_default_str();
  addSamplerFlags(*command, options->sampler);
  auto *chat = command->add_flag(
      "--chat", options->chat,
      "Keep a conversation: answer each line of standard input");
  chat->excludes(prompt);
  command
      ->add_option("--system", options->system,
                   "What the conversation begins with")
      ->needs(chat);
  command->callback([=, &status] {
    options->hasPrompt = prompt->count();
    status = run(*options);
  });
}
