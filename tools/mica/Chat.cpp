//===- Chat.cpp - `mica run --chat` ---------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Chat.h"
#include "runtime/Chat/ChatTemplate.h"
#include "runtime/Manifest.h"
#include "tools/mica/Support.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <unistd.h>

using namespace mica;
using nlohmann::ordered_json;

namespace {

volatile std::sig_atomic_t interrupted = 0;

class Chat {
public:
  Chat(Model &model, const Tokenizer &tokenizer, const ChatOptions &options,
       chat::ChatTemplate text)
      : model(model), tokenizer(tokenizer), options(options),
        text(std::move(text)), sequence(model.createSequence()),
        sampler(options.sampler) {}

  int run();

private:
  std::optional<std::string> readLine() const;
  Expected<std::vector<int32_t>> tokens() const;
  void say(const char *role, const std::string &content, bool byModel = false);
  Status answer();
  void rewind(const std::vector<int32_t> &ids);
  Expected<std::span<const int32_t>> feed(std::span<const int32_t> ids);
  Expected<std::string> generate(std::span<const int32_t> rest);
  std::vector<int32_t> endTokens() const;
  /// Tokens that a conversation may have.
  uint32_t room() const {
    uint32_t most = model.info().maxContext;
    return options.context ? std::min(options.context, most) : most;
  }

  Model &model;
  const Tokenizer &tokenizer;
  const ChatOptions &options;
  chat::ChatTemplate text;
  ordered_json messages = ordered_json::array();
  Sequence sequence;
  std::vector<int32_t> held; // What the sequence has, at least.
  Sampler sampler;
};

/// A line of standard input without its end; none where it ended, or was
/// interrupted.
std::optional<std::string> Chat::readLine() const {
  if (isatty(STDIN_FILENO)) {
    std::fputs("> ", stderr);
    std::fflush(stderr);
  }
  std::string line;
  int c = EOF;
  while (!interrupted && (c = std::getc(stdin)) != EOF && c != '\n')
    line += char(c);
  if (interrupted || (c == EOF && line.empty()))
    return std::nullopt;
  return line;
}

/// The ids of the conversation, up to where the answer begins.
Expected<std::vector<int32_t>> Chat::tokens() const {
  const ChatSource &source = model.manifest().chat;
  auto rendered = text.render({{"messages", messages},
                               {"tools", nullptr},
                               {"documents", nullptr},
                               {"add_generation_prompt", true},
                               {"bos_token", source.bos},
                               {"eos_token", source.eos}});
  if (!rendered)
    return Error{options.file + ": " + rendered.error().message};
  // The template says itself where a text begins.
  return tokenizer.encode(*rendered, {.addSpecial = false, .guarded = true});
}

/// Adds a message. Tokens that end turns are text in it: only the template
/// writes them. The model may write others that the template has.
void Chat::say(const char *role, const std::string &content, bool byModel) {
  std::string_view also;
  if (!byModel)
    also = model.manifest().chat.text;
  messages.push_back(
      {{"role", role}, {"content", tokenizer.guard(content, also)}});
}

/// Leaves in the cache what the conversation begins with, less than all of it.
void Chat::rewind(const std::vector<int32_t> &ids) {
  held.resize(std::min<size_t>(held.size(), sequence.length()));
  auto [end, other] =
      std::mismatch(held.begin(), held.end(), ids.begin(), ids.end());
  size_t common = std::min<size_t>(size_t(end - held.begin()), ids.size() - 1);
  if (!sequence.truncate(uint32_t(common))) {
    sequence = Sequence(); // Its pages are free before the next one's.
    sequence = model.createSequence();
    common = 0;
  }
  held.resize(common);
}

std::vector<int32_t> Chat::endTokens() const {
  std::vector<int32_t> ends = tokenizer.eos();
  const std::string &name = model.manifest().chat.eos;
  auto ids = tokenizer.encode(name, {.addSpecial = false});
  if (ids.size() == 1 && !tokenizer.isEos(ids[0]))
    ends.push_back(ids[0]);
  return ends;
}

/// Feeds what is new in a conversation, but not its last step, and returns that
/// one; an interrupt ends it earlier.
Expected<std::span<const int32_t>> Chat::feed(std::span<const int32_t> ids) {
  std::span<const int32_t> rest = ids.subspan(held.size());
  uint32_t most = model.info().maxRows;
  while (rest.size() > most && !interrupted) {
    Request request{&sequence, rest.first(most), 0};
    if (auto logits = model.step({&request, 1}); !logits)
      return logits.takeError();
    sampler.accept(request.tokens);
    rest = rest.subspan(most);
  }
  return rest;
}

/// Streams the answer behind what is held, of which `rest` is not fed yet, and
/// returns it.
Expected<std::string> Chat::generate(std::span<const int32_t> rest) {
  Detokenizer detokenizer(tokenizer, true);
  StopStrings stop(options.stop);
  std::string said;
  auto show = [&](const std::string &ready) {
    said += ready;
    std::fwrite(ready.data(), 1, ready.size(), stdout);
    std::fflush(stdout);
    return !stop.stopped() && !interrupted;
  };
  // The last token need not be in the cache.
  uint32_t left = room() - uint32_t(held.size()) + 1;
  auto stats = model.generate(
      sequence, rest, sampler,
      {.maxTokens = std::min(options.tokens, left), .endTokens = endTokens()},
      [&](int32_t token) {
        held.push_back(token);
        return show(stop.feed(detokenizer.push(token)));
      });
  if (!stats)
    return stats.takeError();
  show(stop.feed(detokenizer.finish()));
  show(stop.finish());
  if (stats->newTokens == left && !stats->ended && !interrupted)
    return Error{"context of " + std::to_string(room()) +
                 " tokens is full, expected a shorter conversation or more "
                 "(--ctx)"};
  return said;
}

Status Chat::answer() {
  auto ids = tokens();
  if (!ids)
    return ids.takeError();
  if (ids->empty())
    return Error{options.file + ": chat template gives no text, expected some"};
  if (ids->size() > room())
    return Error{"conversation of " + std::to_string(ids->size()) +
                 " tokens, expected at most " + std::to_string(room()) +
                 " (--ctx)"};
  rewind(*ids);
  auto rest = feed(*ids);
  if (!rest)
    return rest.takeError();
  held = *ids;
  Expected<std::string> said = std::string();
  if (!interrupted)
    said = generate(*rest);
  std::fputc('\n', stdout);
  std::fflush(stdout);
  if (!said)
    return said.takeError();
  say("assistant", *said, true);
  return {};
}

int Chat::run() {
  if (!options.system.empty())
    say("system", options.system);
  while (auto line = readLine()) {
    if (line->empty())
      continue;
    say("user", *line);
    Status status = answer();
    // An interrupt is over with the answer.
    interrupted = 0;
    if (!status)
      return report(status.error());
  }
  return 0;
}

} // namespace

int mica::runChat(Model &model, const Tokenizer &tokenizer,
                  const ChatOptions &options) {
  const ChatSource &source = model.manifest().chat;
  if (source.text.empty())
    return report(Error{options.file + ": no chat template, expected one"});
  auto made = chat::ChatTemplate::create(source.text);
  if (!made)
    return report(Error{options.file + ": " + made.error().message});
  // Not restarted, so that reading a line ends.
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  return Chat(model, tokenizer, options, std::move(*made)).run();
}
