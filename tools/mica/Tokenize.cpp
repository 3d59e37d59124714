//===- Tokenize.cpp - `mica tokenize` -------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerJson.h"
#include "runtime/Artifact.h"
#include "tools/mica/Commands.h"
#include "tools/mica/Support.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

using namespace mica;
using nlohmann::json;

namespace {

struct TokenizeOptions {
  std::string model, file = "-";
  bool ids = false, noSpecial = false, jsonl = false, decode = false;
};

/// A tokenizer with what its tables lie in.
struct Loaded {
  std::shared_ptr<const void> owner;
  Tokenizer tokenizer;
};

} // namespace

template <class Owner>
static Expected<Loaded> load(Owner owner, const std::string &path,
                             std::span<const std::byte> (*tables)(Owner &)) {
  auto kept = std::make_shared<Owner>(std::move(owner));
  auto tokenizer = Tokenizer::create(tables(*kept));
  if (!tokenizer)
    return Error{path + ": " + tokenizer.error().message};
  return Loaded{kept, std::move(*tokenizer)};
}

static Expected<TokenizerSource> readSource(const std::string &path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) || path.ends_with(".json"))
    return readTokenizerJson(path);
  Expected<GGUF> gguf = GGUF::open(path);
  if (!gguf)
    return gguf.takeError();
  return tokenizerFromGGUF(*gguf);
}

/// Loads from a .mica file, a GGUF file, a directory or a tokenizer.json.
static Expected<Loaded> load(const std::string &path) {
  if (path.ends_with(".mica")) {
    Expected<Artifact> artifact = Artifact::open(path);
    if (!artifact)
      return artifact.takeError();
    return load<Artifact>(std::move(*artifact), path, [](Artifact &artifact) {
      return std::as_bytes(artifact.section(MICA_SECTION_TOKENIZER));
    });
  }
  Expected<TokenizerSource> source = readSource(path);
  if (!source)
    return source.takeError();
  Expected<std::string> tables = buildTokenizerTables(*source);
  if (!tables)
    return tables.takeError();
  return load<std::string>(std::move(*tables), path, [](std::string &tables) {
    return std::as_bytes(std::span<const char>(tables));
  });
}

/// One line for each token: its id and its piece as a JSON string.
static void printPieces(const Tokenizer &tokenizer,
                        const std::vector<int32_t> &ids) {
  for (int32_t id : ids) {
    json piece = std::string(tokenizer.piece(id));
    std::printf(
        "%d\t%s\n", id,
        piece.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  }
}

static void printIds(const std::vector<int32_t> &ids) {
  for (size_t i = 0; i < ids.size(); ++i)
    std::printf(i ? " %d" : "%d", ids[i]);
  std::printf("\n");
}

/// A JSON array of ids for each line of `text`, which holds a JSON string.
static Status printLines(const Tokenizer &tokenizer, const std::string &text,
                         const std::string &file, EncodeOptions options) {
  size_t line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    size_t end = std::min(text.find('\n', begin), text.size());
    json string =
        json::parse(text.data() + begin, text.data() + end, nullptr, false);
    if (!string.is_string())
      return Error{file + ": line " + std::to_string(line) +
                   " is no JSON string, expected one"};
    json ids = tokenizer.encode(string.get_ref<const std::string &>(), options);
    std::printf("%s\n", ids.dump().c_str());
    begin = end + 1;
  }
  return {};
}

/// For each line of `text`, an array of ids: a JSON array of what each of them
/// adds to the text, and last of what is left.
static Status printTexts(const Tokenizer &tokenizer, const std::string &text,
                         const std::string &file, bool special) {
  size_t line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    size_t end = std::min(text.find('\n', begin), text.size());
    json ids =
        json::parse(text.data() + begin, text.data() + end, nullptr, false);
    auto isId = [](const json &id) {
      return id.is_number_unsigned() && id.get<uint64_t>() <= INT32_MAX;
    };
    if (!ids.is_array() || !std::all_of(ids.begin(), ids.end(), isId))
      return Error{file + ": line " + std::to_string(line) +
                   " is no JSON array of ids, expected one"};
    Detokenizer stream(tokenizer, false, special);
    json parts = json::array();
    for (const json &id : ids)
      parts.push_back(stream.push(id.get<int32_t>()));
    parts.push_back(stream.finish());
    std::printf("%s\n", parts.dump().c_str());
    begin = end + 1;
  }
  return {};
}

static int tokenize(const TokenizeOptions &options) {
  Expected<Loaded> loaded = load(options.model);
  if (!loaded)
    return report(loaded.error());
  Expected<std::string> text = readFile(options.file);
  if (!text)
    return report(text.error());
  EncodeOptions encode{!options.noSpecial, !options.noSpecial};
  const Tokenizer &tokenizer = loaded->tokenizer;
  if (options.decode) {
    Status status =
        printTexts(tokenizer, *text, options.file, options.noSpecial);
    return status ? 0 : report(status.error());
  }
  if (options.jsonl) {
    Status status = printLines(tokenizer, *text, options.file, encode);
    return status ? 0 : report(status.error());
  }
  std::vector<int32_t> ids = tokenizer.encode(*text, encode);
  if (options.ids)
    printIds(ids);
  else
    printPieces(tokenizer, ids);
  return 0;
}

void mica::addTokenizeCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "tokenize", "Show the tokens of a text, one on a line: id and piece");
  command->footer("Example:\n  echo -n Hello | mica tokenize M.mica --ids\n");
  auto options = std::make_shared<TokenizeOptions>();
  command
      ->add_option("model", options->model,
                   "A .mica file, a GGUF file (with or without tensors), a "
                   "Hugging Face directory or a tokenizer.json")
      ->required();
  command->add_option("-f,--file", options->file,
                      "The text; standard input by default");
  auto *ids =
      command->add_flag("--ids", options->ids, "Only the ids, on one line");
  command->add_flag("--no-special", options->noSpecial,
                    "Add no special tokens and recognise none in the text");
  auto *jsonl =
      command
          ->add_flag(
              "--jsonl", options->jsonl,
              "Each line of the text is a JSON string of its own; print an "
              "array of ids for each")
          ->excludes(ids);
  command
      ->add_flag("--decode", options->decode,
                 "Each line of the text is a JSON array of ids; print an array "
                 "of the text that each adds. With --no-special special tokens "
                 "are text too")
      ->excludes(ids)
      ->excludes(jsonl);
  command->callback([=, &status] { status = tokenize(*options); });
}
