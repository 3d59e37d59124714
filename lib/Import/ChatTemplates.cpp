//===- ChatTemplates.cpp - The chat template of a checkpoint --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/ChatTemplates.h"
#include "lib/Import/GGUF.h"
#include "lib/Import/Json.h"

#include <filesystem>

using namespace mica;
using nlohmann::json;

namespace {

constexpr size_t kMaxTemplate = 1 << 20;

Status checkSize(const ChatSource &chat, const std::string &file) {
  for (const std::string *text : {&chat.text, &chat.toolsText})
    if (text->size() > kMaxTemplate)
      return Error{file + ": chat template of " + std::to_string(text->size()) +
                   " bytes, expected at most " + std::to_string(kMaxTemplate)};
  return {};
}

/// The text of token `key` of a GGUF file; "" where the file does not say.
std::string tokenOf(const GGUF &gguf, const std::string &key) {
  if (!gguf.contains(key) || !gguf.contains("tokenizer.ggml.tokens"))
    return "";
  auto id = gguf.getInt(key);
  auto tokens = gguf.getStrings("tokenizer.ggml.tokens");
  if (!id || !tokens || *id < 0 || uint64_t(*id) >= tokens->size())
    return "";
  return std::string((*tokens)[size_t(*id)]);
}

} // namespace

Expected<ChatSource> mica::chatSource(const GGUF &gguf) {
  ChatSource chat;
  const std::string key = "tokenizer.chat_template";
  for (auto [name, into] : {std::pair(key, &chat.text),
                            std::pair(key + ".tool_use", &chat.toolsText)}) {
    if (!gguf.contains(name))
      continue;
    auto text = gguf.getString(name);
    if (!text)
      return text.takeError();
    *into = *text;
  }
  chat.bos = tokenOf(gguf, "tokenizer.ggml.bos_token_id");
  chat.eos = tokenOf(gguf, "tokenizer.ggml.eos_token_id");
  return chat;
}

namespace {

/// A token is its text, or an object that has it.
Status readToken(const json &config, const char *key, const std::string &file,
                 std::string &into) {
  auto it = config.find(key);
  if (it == config.end() || it->is_null())
    return {};
  const json *text = &*it;
  if (it->is_object() && it->contains("content"))
    text = &(*it)["content"];
  if (!text->is_string())
    return Error{file + ": " + key + " is " + shownJson(*it) +
                 ", expected a string"};
  into = text->get<std::string>();
  return {};
}

/// The template of tokenizer_config.json: a text, or a list of named ones.
Status readTemplates(const json &config, const std::string &file,
                     ChatSource &chat) {
  auto it = config.find("chat_template");
  if (it == config.end() || it->is_null())
    return {};
  if (it->is_string()) {
    chat.text = it->get<std::string>();
    return {};
  }
  if (!it->is_array())
    return Error{file + ": chat_template is " + shownJson(*it) +
                 ", expected a string or a list"};
  for (const json &each : *it) {
    if (!each.is_object() || !each.contains("name") ||
        !each.contains("template") || !each["name"].is_string() ||
        !each["template"].is_string())
      return Error{file + ": chat_template has " + shownJson(each) +
                   ", expected an object of name and template"};
    if (each["name"] == "default")
      chat.text = each["template"];
    else if (each["name"] == "tool_use")
      chat.toolsText = each["template"];
  }
  return {};
}

/// The bytes of a file of the directory, where there is one.
Status readText(const std::filesystem::path &path, std::string &into) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return {};
  auto file = MappedFile::open(path.string());
  if (!file)
    return file.takeError();
  into.assign(reinterpret_cast<const char *>(file->bytes().data()),
              file->bytes().size());
  return {};
}

/// Puts the templates that are files of the directory, if there are any, in the
/// place of those in `chat`, as transformers does.
Status readFiles(const std::filesystem::path &directory, ChatSource &chat) {
  std::filesystem::path main = directory / "chat_template.jinja";
  std::error_code ignored;
  if (std::filesystem::exists(main, ignored))
    chat.toolsText = "";
  if (Status s = readText(main, chat.text); !s)
    return s;
  return readText(directory / "additional_chat_templates" / "tool_use.jinja",
                  chat.toolsText);
}

Expected<ChatSource> fromDirectory(const std::filesystem::path &directory) {
  ChatSource chat;
  std::filesystem::path config = directory / "tokenizer_config.json";
  std::error_code ignored;
  if (std::filesystem::exists(config, ignored)) {
    auto file = MappedFile::open(config.string());
    auto found = file ? chatSource(*file) : file.takeError();
    if (!found)
      return found;
    chat = std::move(*found);
  }
  if (Status s = readFiles(directory, chat); !s)
    return s.takeError();
  return chat;
}

} // namespace

Expected<ChatSource> mica::chatSource(const MappedFile &file) {
  ChatSource chat;
  auto root = parseJsonObject(file.path(), file.bytes());
  if (!root)
    return root.takeError();
  for (auto [key, into] :
       {std::pair("bos_token", &chat.bos), std::pair("eos_token", &chat.eos)})
    if (Status s = readToken(*root, key, file.path(), *into); !s)
      return s.takeError();
  if (Status s = readTemplates(*root, file.path(), chat); !s)
    return s.takeError();
  return chat;
}

Expected<ChatSource> mica::chatSource(const Checkpoint &checkpoint) {
  const GGUF *gguf = checkpoint.gguf();
  auto chat = gguf ? chatSource(*gguf) : fromDirectory(checkpoint.path());
  if (!chat)
    return chat;
  if (Status s = checkSize(*chat, checkpoint.path()); !s)
    return s.takeError();
  return chat;
}
