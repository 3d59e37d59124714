//===- CheckpointTest.cpp - Directories, shards and GGUF files ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Json.h"
#include "test/lib/Import/TinyModels.h"

#include <random>

using namespace mica;
using namespace mica::test;
using Json = nlohmann::json;

namespace {

/// A directory with config.json, an index, and tensor "a" and "b" in one shard
/// each.
struct Sharded : TemporaryDirectory {
  Json map = {{"a", "1.safetensors"}, {"b", "2.safetensors"}};

  Sharded() {
    write("config.json", R"({"model_type": "llama"})");
    for (auto [name, file] : {std::pair{"a", "1"}, {"b", "2"}}) {
      SafetensorsWriter w;
      w.floats(name, {2, 3});
      write(std::string(file) + ".safetensors", w.file());
    }
  }
  Expected<Checkpoint> open() {
    write("model.safetensors.index.json", Json{{"weight_map", map}}.dump());
    return Checkpoint::open(path());
  }
  std::string error() {
    Expected<Checkpoint> checkpoint = open();
    if (checkpoint)
      return "no error";
    std::string message = checkpoint.error().message;
    // Without the directory, whose name differs each time.
    while (message.find(path()) != std::string::npos)
      message.replace(message.find(path()), path().size(), "D");
    return message;
  }
};

TEST(Checkpoint, shards) {
  Sharded d;
  Expected<Checkpoint> checkpoint = d.open();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const TensorView *b = checkpoint->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->file, d.path() + "/2.safetensors");
  EXPECT_EQ(b->columns(), 3);
  EXPECT_EQ(b->row(1), b->data.data() + 12);
  EXPECT_FALSE(checkpoint->find("c"));
  EXPECT_FALSE(checkpoint->gguf());
  // The offset finds the same bytes in the file.
  std::ifstream file(b->file, std::ios::binary);
  file.seekg(b->offset);
  std::string bytes(b->data.size(), 0);
  file.read(bytes.data(), bytes.size());
  EXPECT_EQ(bytes, std::string(24, '\x3c'));
  EXPECT_EQ(file.peek(), EOF);
}

TEST(Checkpoint, views_outlive_moves) {
  Sharded d;
  Expected<Checkpoint> opened = d.open();
  ASSERT_TRUE(opened);
  Checkpoint moved = std::move(*opened);
  EXPECT_EQ(moved.find("a")->data[0], std::byte(0x3c));
  EXPECT_EQ(moved.config()["model_type"], "llama");
}

TEST(Checkpoint, wrong_index) {
  std::string index = "D/model.safetensors.index.json: ";
  {
    Sharded d;
    d.map["b"] = "../2.safetensors";
    EXPECT_EQ(d.error(), index + "tensor 'b' is in '../2.safetensors', "
                                 "expected the name of a file beside it");
  }
  {
    Sharded d;
    d.map["b"] = "2\n.safetensors";
    EXPECT_EQ(d.error(), index + "tensor 'b' is in '2\\x0a.safetensors', "
                                 "expected the name of a file beside it");
  }
  {
    Sharded d;
    d.map["b"] = 7;
    EXPECT_EQ(d.error(), index + "tensor 'b' is in '', expected the name of a "
                                 "file beside it");
  }
  {
    Sharded d;
    d.map = {};
    EXPECT_EQ(d.error(),
              index + "no weight_map, expected tensors and their files");
  }
  {
    Sharded d;
    d.map["b"] = "1.safetensors";
    EXPECT_EQ(d.error(), "D/1.safetensors: tensor 'b' missing, expected by "
                         "D/model.safetensors.index.json");
  }
  {
    Sharded d;
    d.map["b"] = "3.safetensors";
    EXPECT_EQ(d.error(), "D/3.safetensors: No such file or directory, expected "
                         "a readable file");
  }
  {
    Sharded d;
    SafetensorsWriter w;
    w.floats("a", {1});
    d.write("2.safetensors", w.file());
    EXPECT_EQ(d.error(), "D: tensor 'a' is in two files, expected it in one");
  }
  {
    Sharded d;
    std::filesystem::create_directory(d.path() +
                                      "/model.safetensors.index.json");
    EXPECT_EQ(d.error(), index + "not a regular file, expected one");
  }
}

TEST(Checkpoint, damaged_index) {
  Sharded d;
  std::string whole = Json{{"weight_map", d.map}}.dump();
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string text = whole;
    if (i % 5 == 4)
      text.resize(random() % text.size());
    else
      for (uint32_t flips = 1 + random() % 3; flips--;)
        text[random() % text.size()] ^= char(1 << random() % 8);
    d.write("model.safetensors.index.json", text);
    Expected<Checkpoint> checkpoint = Checkpoint::open(d.path());
    if (!checkpoint)
      EXPECT_EQ(checkpoint.error().message.find('\n'), std::string::npos);
  }
}

TEST(Checkpoint, broken_json) {
  Sharded d;
  d.write("generation_config.json", "nonsense");
  EXPECT_EQ(d.error(), "D/generation_config.json: not valid JSON, expected a "
                       "JSON object");
  d.write("config.json", "[1]");
  EXPECT_EQ(d.error(), "D/config.json: a JSON array, expected a JSON object");
}

// Python writes them where JSON has no such numbers.
TEST(Checkpoint, numbers_that_are_not_finite) {
  std::string text = R"({"a": [NaN, -Infinity, 1], "b\"NaN": "Infinity"})";
  Expected<nlohmann::json> read =
      parseJsonObject("config.json", std::as_bytes(std::span(text)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->dump(), R"({"a":[null,null,1],"b\"NaN":"Infinity"})");
  EXPECT_FALSE(
      parseJsonObject("x", std::as_bytes(std::span("{\"a\": NaNs}", 12))));
}

TEST(Checkpoint, missing_files) {
  TemporaryDirectory d;
  EXPECT_EQ(Checkpoint::open(d.path()).error().message,
            d.path() + "/config.json: No such file or directory, expected a "
                       "readable file");
  d.write("config.json", "{}");
  EXPECT_EQ(Checkpoint::open(d.path()).error().message,
            d.path() + ": no weights found, expected model.safetensors or "
                       "model.safetensors.index.json");
}

TEST(Checkpoint, pickles) {
  TemporaryDirectory d;
  d.write("config.json", "{}");
  std::string tail =
      ": weights as PyTorch pickles, expected model.safetensors, which this "
      "writes: python3 -c \"import sys, transformers as t; "
      "t.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype='auto')."
      "save_pretrained(sys.argv[1])\" '" +
      d.path() + "'";
  std::string file = d.write("pytorch_model-00001-of-00002.bin", "PK");
  EXPECT_EQ(Checkpoint::open(d.path()).error().message, file + tail);
  file = d.write("pytorch_model.bin", "PK");
  EXPECT_EQ(Checkpoint::open(file).error().message, file + tail);
}

TEST(Checkpoint, single_file_and_generation_config) {
  TemporaryDirectory d;
  TinyDirectory llama = tinyLlama();
  llama.config["eos_token_id"] = 3;
  SafetensorsWriter w;
  llama.forEach([&](auto &name, auto &shape) { w.floats(name, shape); });
  d.write("config.json", llama.config.dump());
  d.write("model.safetensors", w.file());
  d.write("generation_config.json",
          R"({"bos_token_id": 1, "eos_token_id": [4, 5, 4]})");
  Expected<Checkpoint> checkpoint = Checkpoint::open(d.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  Expected<ModelDescription> model = describeModel(*checkpoint);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->bosToken, 1);
  EXPECT_EQ(model->eosTokens, (std::vector<int64_t>{4, 5}));
}

TEST(Checkpoint, gguf_file) {
  TemporaryDirectory d;
  GGUFWriter w = tinyGGUF("llama");
  std::string path = d.write("m.gguf", w.file());
  Expected<Checkpoint> checkpoint = Checkpoint::open(path);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_TRUE(checkpoint->gguf());
  EXPECT_EQ(checkpoint->find("token_embd.weight")->file, path);
  EXPECT_TRUE(describeModel(*checkpoint));
}

// Whatever is damaged, the answer is a description or one line.
TEST(Checkpoint, damaged_config) {
  std::string text = tinyGemma3().config.dump();
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string damaged = text;
    damaged[i / 8] ^= 1 << i % 8;
    TinyDirectory d = tinyGemma3();
    d.config = Json::parse(damaged, nullptr, false);
    if (d.config.is_discarded())
      continue;
    Expected<Checkpoint> checkpoint = d.open();
    if (!checkpoint)
      continue;
    Expected<ModelDescription> model = describeModel(*checkpoint);
    if (!model)
      EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
  }
}

} // namespace
