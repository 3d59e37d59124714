//===- DamagedTest.cpp - Every file that importers read, damaged ----------===//
//
// Each kind of file in a thousand versions: the answer is a model or one line
// that names the file, soon.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/ChatTemplates.h"
#include "lib/Import/ShardIndex.h"
#include "lib/Import/TokenizerGGUF.h"
#include "lib/Import/TokenizerJson.h"
#include "runtime/Tokenizer/Tokenizer.h"
#include "test/Damage.h"
#include "test/lib/Import/TinyModels.h"

#include <chrono>

using namespace mica;
using namespace mica::test;
using Ordered = nlohmann::ordered_json;

namespace {

/// Has `read` read damaged versions of a file; it returns why it cannot, or "".
/// `least` of them are refused.
void readDamaged(const std::function<std::string(std::mt19937 &)> &damage,
                 const std::function<std::string(const std::string &)> &read,
                 int least = kDamaged / 10) {
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < kDamaged; ++i) {
    std::string text = damage(random);
    auto begin = std::chrono::steady_clock::now();
    std::string message = read(text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin,
              std::chrono::seconds(10));
    refused += !message.empty();
    EXPECT_TRUE(message.empty() ||
                message.find(", expected ") != std::string::npos)
        << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 1000u) << message.substr(0, 2000);
  }
  EXPECT_GE(refused, least);
}

/// Of JSON: three of four versions are JSON still.
auto damages(const Ordered &json) {
  return [json](std::mt19937 &random) {
    return random() % 4 ? damagedJson(json, random)
                        : damaged(json.dump(), random);
  };
}

auto damages(const std::string &bytes) {
  return [bytes](std::mt19937 &random) { return damaged(bytes, random); };
}

template <class T> std::string why(const Expected<T> &result) {
  return result ? "" : result.error().message;
}

MappedFile lent(const char *name, const std::string &text) {
  return MappedFile::borrow(name, asBytes(text));
}

/// Why a directory of these files is none.
std::string describe(const std::string &config, const std::string &generation,
                     const std::string &weights) {
  auto shard = Safetensors::parse(lent("d/model.safetensors", weights));
  if (!shard)
    return why(shard);
  MappedFile file = lent("d/generation_config.json", generation);
  auto checkpoint = Checkpoint::fromParts("d", lent("d/config.json", config),
                                          &file, {*shard});
  return checkpoint ? why(describeModel(*checkpoint)) : why(checkpoint);
}

std::string weightsOf(const TinyDirectory &directory) {
  SafetensorsWriter w;
  directory.forEach([&](auto &name, auto &shape) { w.floats(name, shape); });
  return w.file();
}

Ordered ordered(const nlohmann::json &json) {
  return Ordered::parse(json.dump());
}

std::string useTokenizer(Expected<TokenizerSource> source) {
  auto tables = source ? buildTokenizerTables(*source)
                       : Expected<std::string>(source.takeError());
  if (!tables)
    return why(tables);
  auto tokenizer = Tokenizer::create(std::as_bytes(std::span(*tables)));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  if (tokenizer)
    for (int32_t id : tokenizer->encode("ab<s> B  1\xc3\xa9\xff"))
      EXPECT_TRUE(id >= 0 && id < tokenizer->vocabSize());
  return "";
}

std::string useTokenizer(const std::string &text) {
  return useTokenizer(
      parseTokenizerJson({lent("d/tokenizer.json", text), {}, {}, {}}));
}

const Ordered kAdded = {{{"id", 0}, {"content", "<unk>"}, {"special", true}},
                        {{"id", 1},
                         {"content", "<s>"},
                         {"special", true},
                         {"normalized", false},
                         {"rstrip", true}}};

/// A tokenizer.json around a model, with steps of many kinds.
Ordered tokenizerOf(const Ordered &model) {
  bool words = model["type"] == "WordPiece";
  Ordered metaspace = {{"type", "Metaspace"},
                       {"replacement", "\u2581"},
                       {"prepend_scheme", "first"},
                       {"split", true}};
  Ordered normalizers = {
      {{"type", "NFC"}},
      {{"type", "Lowercase"}},
      {{"type", "Replace"},
       {"pattern", {{"Regex", " {2,}"}}},
       {"content", " "}},
      {{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}}};
  return {{"version", "1.0"},
          {"added_tokens", kAdded},
          {"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
          {"pre_tokenizer",
           words ? Ordered{{"type", "BertPreTokenizer"}} : metaspace},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
              {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"special_tokens",
             {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder", words ? Ordered{{"type", "WordPiece"},
                                      {"prefix", "##"},
                                      {"cleanup", true}}
                            : metaspace},
          {"model", model}};
}

const char *const kModels[] = {
    R"({"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "vocab":
        {"<unk>": 0, "<s>": 1, "\u2581": 2, "a": 3, "b": 4, "ab": 5},
        "merges": [["a", "b"]]})",
    R"({"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab":
        [["<unk>", 0], ["<s>", 0], ["\u2581", -2], ["a", -3.5], ["ab", -4],
         ["\u2581b", -5]]})",
    R"({"type": "WordPiece", "unk_token": "<unk>",
        "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "##b": 3}})"};

std::string tinyGGUFWithTokenizer() {
  GGUFWriter w = tinyGGUF("llama");
  Bytes tokens, scores, types;
  tokens.put(uint32_t(8)).put(uint64_t(V));
  scores.put(uint32_t(6)).put(uint64_t(V));
  types.put(uint32_t(5)).put(uint64_t(V));
  for (const char *text : {"<unk>", "<s>", "</s>", "a", "b", "ab", "\u2581",
                           "\u2581a", "<0x41>", "c"}) {
    tokens.string(text);
    scores.put(-1.5f);
    types.put(int32_t(*text != '<' ? 1 : text[1] == '0' ? 6 : 3));
  }
  w.text("tokenizer.ggml.model", "llama");
  w.raw("tokenizer.ggml.tokens", 9, tokens);
  w.raw("tokenizer.ggml.scores", 9, scores);
  w.raw("tokenizer.ggml.token_type", 9, types);
  w.integer("tokenizer.ggml.bos_token_id", 1);
  w.integer("tokenizer.ggml.eos_token_id", 2);
  w.text("tokenizer.chat_template", "{{ messages[0].content }}");
  return w.file();
}

} // namespace

TEST(Damaged, config) {
  for (const TinyDirectory &d :
       {tinyLlama(), tinyQwen3(), tinyGemma3(), tinyGPT2()}) {
    Ordered config = ordered(d.config);
    config["rope_scaling"] = {{"rope_type", "yarn"},
                              {"factor", 4.0},
                              {"original_max_position_embeddings", 16}};
    std::string weights = weightsOf(d);
    ASSERT_EQ(describe(d.config.dump(), "{}", weights), "");
    readDamaged(damages(config), [&](const std::string &text) {
      return describe(text, "{}", weights);
    });
  }
}

TEST(Damaged, generation_config) {
  TinyDirectory d = tinyLlama();
  std::string weights = weightsOf(d);
  Ordered generation = {{"eos_token_id", {1, 2}}, {"bos_token_id", 0}};
  ASSERT_EQ(describe(d.config.dump(), generation.dump(), weights), "");
  readDamaged(damages(generation), [&](const std::string &text) {
    return describe(d.config.dump(), text, weights);
  });
}

TEST(Damaged, safetensors) {
  TinyDirectory d = tinyLlama();
  std::string config = d.config.dump(), weights = weightsOf(d);
  auto read = [&](const std::string &file) {
    return describe(config, "{}", file);
  };
  readDamaged(damages(weights), read);
  // The header alone, of the right size.
  uint64_t size;
  std::memcpy(&size, weights.data(), sizeof(size));
  Ordered header = Ordered::parse(weights.substr(8, size));
  std::string data = weights.substr(8 + size);
  readDamaged(damages(header), [&](const std::string &text) {
    Bytes file;
    file.put(uint64_t(text.size())).text += text + data;
    return read(file.text);
  });
}

TEST(Damaged, index) {
  TinyDirectory d = tinyLlama();
  std::string config = d.config.dump(), weights = weightsOf(d);
  auto shard = Safetensors::parse(lent("d/1.safetensors", weights));
  ASSERT_TRUE(shard);
  auto checkpoint = Checkpoint::fromParts("d", lent("d/config.json", config),
                                          nullptr, {*shard});
  ASSERT_TRUE(checkpoint);
  Ordered map;
  d.forEach([&](auto &name, auto &) { map[name] = "1.safetensors"; });
  Ordered index = {{"metadata", {{"total_size", 100}}}, {"weight_map", map}};
  readDamaged(damages(index), [&](const std::string &text) {
    auto shards =
        ShardIndex::parse(lent("d/model.safetensors.index.json", text));
    return shards ? why(shards->check("d", *checkpoint)) : why(shards);
  });
}

TEST(Damaged, tokenizer_json) {
  for (const char *model : kModels) {
    Ordered json = tokenizerOf(Ordered::parse(model));
    ASSERT_EQ(useTokenizer(json.dump()), "");
    readDamaged(damages(json),
                [](const std::string &text) { return useTokenizer(text); });
  }
}

TEST(Damaged, tokenizer_config) {
  std::string json = tokenizerOf(Ordered::parse(kModels[0])).dump();
  Ordered config = {{"bos_token", "<s>"},
                    {"eos_token", {{"content", "<unk>"}, {"lstrip", false}}},
                    {"add_bos_token", true},
                    {"eos_token_id", {1, 0}}};
  for (auto file :
       {&TokenizerFiles::tokenizerConfig, &TokenizerFiles::generationConfig,
        &TokenizerFiles::modelConfig})
    readDamaged(damages(config), [&](const std::string &text) {
      TokenizerFiles files{lent("d/tokenizer.json", json), {}, {}, {}};
      files.*file = lent("d/tokenizer_config.json", text);
      return useTokenizer(parseTokenizerJson(files));
    });
}

TEST(Damaged, gguf) {
  std::string whole = tinyGGUFWithTokenizer();
  auto read = [](const std::string &text) {
    auto gguf = parseGGUF(text);
    if (!gguf)
      return why(gguf);
    std::string found = useTokenizer(tokenizerFromGGUF(*gguf));
    if (auto chat = chatSource(*gguf); found.empty() && !chat)
      return why(chat);
    auto checkpoint = Checkpoint::fromGGUF({*gguf});
    if (!found.empty() || !checkpoint)
      return found.empty() ? why(checkpoint) : found;
    return why(describeModel(*checkpoint));
  };
  ASSERT_EQ(read(whole), "");
  readDamaged(damages(whole), read);
  // What stands before the weights, where all numbers mean something.
  std::string head = whole.substr(0, whole.find("blk.0.attn_norm") + 200);
  std::string rest = whole.substr(head.size());
  readDamaged(damages(head),
              [&](const std::string &text) { return read(text + rest); });
}

// What is nested without end would be too deep for what goes through it.
TEST(Damaged, nested) {
  auto nested = [](const std::string &before, const std::string &after) {
    constexpr size_t depth = 1000000;
    return before + std::string(depth, '[') + std::string(depth, ']') + after;
  };
  std::string end = ": JSON nested 1000001 deep, expected at most 200";
  std::string weights = weightsOf(tinyLlama());
  EXPECT_EQ(describe(nested(R"({"model_type": )", "}"), "{}", weights),
            "d/config.json" + end);
  EXPECT_EQ(describe("{}", nested(R"({"eos_token_id": )", "}"), weights),
            "d/generation_config.json" + end);
  EXPECT_EQ(useTokenizer(nested(R"({"model": )", "}")),
            "d/tokenizer.json" + end);
  std::string text = nested(R"({"chat_template": )", "}");
  EXPECT_EQ(why(chatSource(lent("d/t.json", text))), "d/t.json" + end);
  // Brackets in strings are text.
  text = R"({"a": "\"[[", "chat_template": ")" + std::string(1000, '{') + "\"}";
  EXPECT_EQ(why(chatSource(lent("d/t.json", text))), "");
}
