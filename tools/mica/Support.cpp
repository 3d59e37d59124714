//===- Support.cpp - What the subcommands share ---------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Support.h"

#include "runtime/Workers.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

using namespace mica;

int mica::report(const Error &error) {
  std::fprintf(stderr, "mica: %s\n", error.message.c_str());
  return 1;
}

Expected<std::string> mica::readFile(const std::string &path) {
  std::FILE *file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (!file)
    return Error{path + ": cannot open: " + std::strerror(errno)};
  std::string text;
  char piece[1 << 16];
  while (size_t size = std::fread(piece, 1, sizeof(piece), file))
    text.append(piece, size);
  bool failed = std::ferror(file);
  int reason = errno;
  if (file != stdin)
    std::fclose(file);
  if (failed)
    return Error{path + ": cannot read: " + std::strerror(reason)};
  return text;
}

std::string mica::ownFolder() {
  char path[4096];
  ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  std::string_view text(path, size < 0 ? 0 : size);
  return std::string(text.substr(0, text.rfind('/') + 1));
}

Status mica::expectLogits(const Model &model, const std::string &path) {
  if (model.info().embeddingWidth)
    return Error{path + ": gives embeddings, expected a model that gives "
                        "logits (see mica embed)"};
  return {};
}

Expected<Tokenizer> mica::loadTokenizer(const Model &model,
                                        const std::string &path) {
  if (model.tokenizer().empty())
    return Error{path + ": no tokenizer, expected one"};
  auto tokenizer = Tokenizer::create(std::as_bytes(model.tokenizer()));
  if (!tokenizer)
    return Error{path + ": " + tokenizer.error().message};
  return tokenizer;
}

Progress::Progress(std::string what, uint64_t total)
    : what(std::move(what)), total(total), begin(nowNanoseconds()),
      terminal(isatty(STDERR_FILENO)) {}

void Progress::update(uint64_t done) {
  uint64_t now = nowNanoseconds();
  if (!terminal || now - begin < 1'000'000'000 || now - shown < 100'000'000)
    return;
  shown = now;
  constexpr int kWidth = 30;
  double share = total ? double(done) / total : 1;
  int full = int(share * kWidth);
  std::fprintf(stderr, "\r%s [%.*s%*s] %3.0f %%", what.c_str(), full,
               "##############################", kWidth - full, "",
               share * 100);
}

Progress::~Progress() {
  if (shown)
    std::fprintf(stderr, "\r\033[K");
}

std::string mica::formatBytes(double bytes) {
  const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 1000 && unit < 4)
    bytes /= 1000, ++unit;
  char text[32];
  std::snprintf(text, sizeof(text), unit ? "%.2f %s" : "%.0f %s", bytes,
                units[unit]);
  return text;
}
