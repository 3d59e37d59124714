//===- Eval.cpp - `mica eval` ---------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Eval.h"
#include "tools/mica/Commands.h"
#include "tools/mica/LogitSource.h"
#include "tools/mica/Support.h"

#include <memory>

using namespace mica;

static Status check(const EvalOptions &options) {
  bool text = !options.text.empty(), tokens = !options.tokens.empty();
  bool logits = !options.logits.empty(), against = !options.against.empty();
  if (!text && !(tokens && (logits || against)))
    return Error{"eval: neither --text nor both --tokens and --logits given, "
                 "expected one of the two, or --against"};
  if (text && (tokens || logits))
    return Error{"eval: --text given together with --tokens or --logits, "
                 "expected one of the two"};
  if (logits && against)
    return Error{"eval: --logits given together with --against, expected one "
                 "of the two"};
  if (options.ragged && !logits)
    return Error{"eval: --ragged given without --logits, expected both"};
  if (options.json && logits)
    return Error{"eval: --json given together with --logits, expected one of "
                 "the two"};
  if (options.skip && text)
    return Error{"eval: --skip given together with --text, expected --tokens"};
  if (isNpy(options.model) && !against)
    return Error{options.model + ": logits without --against, expected an "
                                 "artifact"};
  return {};
}

static Status eval(const EvalOptions &options) {
  if (Status status = check(options); !status)
    return status;
  if (!options.text.empty())
    return evalText(options);
  return options.against.empty() ? evalLogits(options) : evalTokens(options);
}

/// Options of what is fed, and how.
static void addFeedFlags(CLI::App *command, EvalOptions &o) {
  command->add_option("--tokens", o.tokens,
                      "A .npy file, int32 [sequences, tokens]");
  command->add_option("--logits", o.logits,
                      "The .npy file to write, float32 [sequences, tokens, "
                      "vocabulary]");
  command
      ->add_option("--chunk", o.chunk,
                   "Feed N tokens a step; by default as many as possible")
      ->check(CLI::PositiveNumber);
  command->add_option("--decode-from", o.decodeFrom,
                      "From position K on, feed one token a step");
  command->add_flag("--ragged", o.ragged,
                    "Feed all sequences in one step, in pieces of 1 to 7 "
                    "tokens that differ between them");
  command->add_option("--threads", o.threads, "Threads; 0: one for each core")
      ->capture_default_str();
}

/// Options of perplexity.
static void addTextFlags(CLI::App *command, EvalOptions &o) {
  auto *text =
      command
          ->add_option("--text", o.text,
                       "Print the perplexity of this file; may be repeated, "
                       "and the files are one text then")
          ->allow_extra_args(false);
  command
      ->add_option("--ctx", o.context,
                   "Tokens of a window. By default windows follow each other, "
                   "and the second half of each is scored, as llama.cpp does")
      ->capture_default_str()
      ->needs(text);
  auto *stride = command
                     ->add_option("--stride", o.stride,
                                  "A window begins every N tokens, and its "
                                  "last N are scored (llama.cpp's "
                                  "--ppl-stride)")
                     ->check(CLI::PositiveNumber)
                     ->needs(text);
  command
      ->add_flag("--every-token", o.everyToken,
                 "Windows follow each other, and every token is scored")
      ->needs(text)
      ->excludes(stride);
  command->add_option("--limit", o.limit, "Only the first N tokens of the text")
      ->needs(text);
}

/// Options of comparing.
static void addAgainstFlags(CLI::App *command, EvalOptions &o) {
  auto *against = command->add_option(
      "--against", o.against,
      "Compare with this .mica file, or with a .npy file of --logits: KL "
      "divergence from it, same best tokens, perplexities");
  command
      ->add_option("--skip", o.skip,
                   "Of each sequence of --tokens, leave out the distributions "
                   "after the first N tokens")
      ->needs(against);
  command
      ->add_option("--plot", o.plot,
                   "Draw the divergences as a histogram into this .svg file")
      ->needs(against);
}

void mica::addEvalCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "eval", "Print the perplexity of a text, compare two models, or write "
              "the logits of given tokens");
  command->footer(
      "Examples:\n"
      "  mica eval M.mica --text book.txt --ctx 512\n"
      "  mica eval Q4.mica --text book.txt --against F32.mica --plot kl.svg\n"
      "  mica eval M.mica --tokens T.npy --logits L.npy --chunk 64\n");
  auto o = std::make_shared<EvalOptions>();
  command
      ->add_option("model", o->model,
                   "A .mica file, or a .npy file of logits to compare")
      ->required();
  addTextFlags(command, *o);
  addAgainstFlags(command, *o);
  addFeedFlags(command, *o);
  command->add_flag("--json", o->json, "Print the results as JSON");
  auto *seed =
      command->add_option("--page-seed", o->pageSeed,
                          "Use the cache's pages in a random order, for tests");
  command->callback([=, &status] {
    o->shuffle = seed->count();
    Status done = eval(*o);
    status = done ? 0 : report(done.error());
  });
}
