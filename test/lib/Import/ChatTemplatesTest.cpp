//===- ChatTemplatesTest.cpp - Where a chat template comes from -----------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/ChatTemplates.h"
#include "test/Damage.h"
#include "test/lib/Import/TinyModels.h"

using namespace mica;
using namespace mica::test;
using Json = nlohmann::ordered_json;

namespace {

/// A directory with a tokenizer_config.json and other files.
struct ChatDirectory : TemporaryDirectory {
  explicit ChatDirectory(const Json &config) {
    TinyDirectory llama = tinyLlama();
    SafetensorsWriter w;
    llama.forEach([&](auto &name, auto &shape) { w.floats(name, shape); });
    write("config.json", llama.config.dump());
    write("model.safetensors", w.file());
    write("tokenizer_config.json", config.dump());
    std::filesystem::create_directory(path() + "/additional_chat_templates");
  }

  ChatSource read() const {
    Expected<Checkpoint> checkpoint = Checkpoint::open(path());
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    Expected<ChatSource> chat = chatSource(*checkpoint);
    EXPECT_TRUE(chat) << chat.error().message;
    return *chat;
  }
};

const Json kNamed = {{{"name", "default"}, {"template", "D"}},
                     {{"name", "tool_use"}, {"template", "T"}},
                     {{"name", "rag"}, {"template", "R"}}};
const Json kConfig = {{"bos_token", {{"content", "<s>"}, {"lstrip", false}}},
                      {"eos_token", "</s>"},
                      {"chat_template", kNamed}};

std::string errorOf(const std::string &text) {
  auto chat = chatSource(MappedFile::borrow("d/c.json", asBytes(text)));
  return chat ? "none" : chat.error().message;
}

} // namespace

TEST(ChatTemplates, one_text) {
  ChatSource chat =
      ChatDirectory({{"chat_template", "{{ 1 }}"}, {"bos_token", nullptr}})
          .read();
  EXPECT_EQ(chat.text, "{{ 1 }}");
  EXPECT_EQ(chat.toolsText, "");
  EXPECT_EQ(chat.bos, "");
}

TEST(ChatTemplates, named_texts) {
  ChatSource chat = ChatDirectory(kConfig).read();
  EXPECT_EQ(chat.text, "D");
  EXPECT_EQ(chat.toolsText, "T");
  EXPECT_EQ(chat.bos, "<s>");
  EXPECT_EQ(chat.eos, "</s>");
}

// As in transformers: with a file nothing of the configuration counts.
TEST(ChatTemplates, files) {
  ChatDirectory d(kConfig);
  d.write("chat_template.jinja", "F");
  ChatSource chat = d.read();
  EXPECT_EQ(chat.text, "F");
  EXPECT_EQ(chat.toolsText, "");
  EXPECT_EQ(chat.eos, "</s>");
  d.write("additional_chat_templates/tool_use.jinja", "G");
  d.write("additional_chat_templates/rag.jinja", "H");
  chat = d.read();
  EXPECT_EQ(chat.text, "F");
  EXPECT_EQ(chat.toolsText, "G");
}

TEST(ChatTemplates, none) {
  ChatDirectory d(Json::object());
  EXPECT_EQ(d.read().text, "");
  std::filesystem::remove(d.path() + "/tokenizer_config.json");
  EXPECT_EQ(d.read().text, "");
}

TEST(ChatTemplates, gguf) {
  GGUFWriter w;
  w.text("tokenizer.chat_template", "D");
  w.text("tokenizer.chat_template.tool_use", "T");
  w.text("tokenizer.chat_template.rag", "R");
  Bytes names;
  names.put(uint32_t(8)).put(uint64_t(2)).string("tool_use").string("rag");
  w.raw("tokenizer.chat_templates", 9, names);
  Bytes tokens;
  tokens.put(uint32_t(8)).put(uint64_t(2)).string("<s>").string("</s>");
  w.raw("tokenizer.ggml.tokens", 9, tokens);
  w.integer("tokenizer.ggml.bos_token_id", 0);
  w.integer("tokenizer.ggml.eos_token_id", 1);
  std::string file = w.file();
  Expected<ChatSource> chat = chatSource(*parseGGUF(file));
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->text, "D");
  EXPECT_EQ(chat->toolsText, "T");
  EXPECT_EQ(chat->bos, "<s>");
  EXPECT_EQ(chat->eos, "</s>");
}

TEST(ChatTemplates, errors) {
  EXPECT_EQ(errorOf(R"({"chat_template": 1})"),
            "d/c.json: chat_template is 1, expected a string or a list");
  EXPECT_EQ(errorOf(R"({"chat_template": [{"name": "a"}]})"),
            "d/c.json: chat_template has an object, expected an object of "
            "name and template");
  EXPECT_EQ(errorOf(R"({"eos_token": 2})"),
            "d/c.json: eos_token is 2, expected a string");
  GGUFWriter w;
  w.integer("tokenizer.chat_template", 1);
  std::string file = w.file();
  EXPECT_EQ(chatSource(*parseGGUF(file)).error().message,
            "m.gguf: metadata 'tokenizer.chat_template' is of type u32, "
            "expected a string");
  ChatDirectory d(kConfig);
  d.write("chat_template.jinja", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(chatSource(*Checkpoint::open(d.path())).error().message,
            d.path() + ": chat template of 1048577 bytes, expected at most "
                       "1048576");
}

TEST(ChatTemplates, damaged_configurations) {
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < kDamaged; ++i) {
    std::string message = errorOf(i % 4 ? damagedJson(kConfig, random)
                                        : damaged(kConfig.dump(), random));
    refused += message != "none";
    EXPECT_TRUE(message == "none" || message.starts_with("d/c.json: "));
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  EXPECT_GT(refused, kDamaged / 4);
}
