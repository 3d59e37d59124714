//===- TinyModels.h - The smallest models of the families -------*- C++ -*-===//
//
// Width 8, 4 heads of 4 columns on 2 kv-heads, ffn 12, 2 layers, 10 tokens;
// their weights mean nothing.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_LIB_IMPORT_TINYMODELS_H
#define TEST_LIB_IMPORT_TINYMODELS_H

#include "lib/Import/Model.h"
#include "test/lib/Import/TestFiles.h"

#include <span>

namespace mica::test {

/// Names and shapes of a model's tensors; a "{}" stands for each layer.
using TensorList = std::vector<std::pair<std::string, std::vector<int64_t>>>;

constexpr int64_t V = 10, D = 8, F = 12, Q = 16, KV = 8, headSize = 4;
constexpr int layers = 2;

/// A model as a directory: config.json and its tensors.
struct TinyDirectory {
  nlohmann::json config;
  TensorList tensors;

  /// The checkpoint in memory, in one shard. Call once: it keeps the bytes.
  Expected<Checkpoint> open() {
    SafetensorsWriter w;
    forEach([&](const std::string &name, const std::vector<int64_t> &shape) {
      w.floats(name, shape);
    });
    weights = w.file();
    text = config.dump();
    Expected<Safetensors> shard = Safetensors::parse(
        MappedFile::borrow("d/model.safetensors", asBytes(weights)));
    if (!shard)
      return shard.takeError();
    return Checkpoint::fromParts(
        "d", MappedFile::borrow("d/config.json", asBytes(text)), nullptr,
        {*shard});
  }

  void forEach(auto &&visit) const {
    for (const auto &[name, shape] : tensors) {
      size_t at = name.find("{}");
      if (at == std::string::npos)
        visit(name, shape);
      else
        for (int i = 0; i < layers; ++i)
          visit(std::string(name).replace(at, 2, std::to_string(i)), shape);
    }
  }

  void remove(const std::string &name) {
    std::erase_if(tensors, [&](auto &entry) { return entry.first == name; });
  }

private:
  std::string weights, text;
};

inline TinyDirectory tinyLlamaLike() {
  TinyDirectory d;
  d.config = {{"vocab_size", V},          {"hidden_size", D},
              {"intermediate_size", F},   {"num_hidden_layers", layers},
              {"num_attention_heads", 4}, {"num_key_value_heads", 2},
              {"head_dim", headSize}};
  d.tensors = {
      {"model.embed_tokens.weight", {V, D}},
      {"model.norm.weight", {D}},
      {"model.layers.{}.input_layernorm.weight", {D}},
      {"model.layers.{}.self_attn.q_proj.weight", {Q, D}},
      {"model.layers.{}.self_attn.k_proj.weight", {KV, D}},
      {"model.layers.{}.self_attn.v_proj.weight", {KV, D}},
      {"model.layers.{}.self_attn.o_proj.weight", {D, Q}},
      {"model.layers.{}.post_attention_layernorm.weight", {D}},
      {"model.layers.{}.mlp.gate_proj.weight", {F, D}},
      {"model.layers.{}.mlp.up_proj.weight", {F, D}},
      {"model.layers.{}.mlp.down_proj.weight", {D, F}},
  };
  return d;
}

inline TinyDirectory tinyLlama() {
  TinyDirectory d = tinyLlamaLike();
  d.config["model_type"] = "llama";
  d.tensors.push_back({"lm_head.weight", {V, D}});
  return d;
}

inline TinyDirectory tinyQwen3() {
  TinyDirectory d = tinyLlamaLike();
  d.config["model_type"] = "qwen3";
  d.config["tie_word_embeddings"] = true;
  d.tensors.push_back({"model.layers.{}.self_attn.q_norm.weight", {headSize}});
  d.tensors.push_back({"model.layers.{}.self_attn.k_norm.weight", {headSize}});
  return d;
}

inline TinyDirectory tinyGemma3() {
  TinyDirectory d = tinyQwen3();
  d.config["model_type"] = "gemma3_text";
  d.config["sliding_window"] = 5;
  d.config["sliding_window_pattern"] = 2;
  d.tensors.push_back(
      {"model.layers.{}.pre_feedforward_layernorm.weight", {D}});
  d.tensors.push_back(
      {"model.layers.{}.post_feedforward_layernorm.weight", {D}});
  return d;
}

inline TinyDirectory tinyGPT2() {
  TinyDirectory d;
  d.config = {{"model_type", "gpt2"}, {"vocab_size", V}, {"n_embd", D},
              {"n_layer", layers},    {"n_head", 2},     {"n_inner", F},
              {"n_positions", 6}};
  d.tensors = {
      {"wte.weight", {V, D}},
      {"wpe.weight", {6, D}},
      {"ln_f.weight", {D}},
      {"ln_f.bias", {D}},
      {"h.{}.ln_1.weight", {D}},
      {"h.{}.ln_1.bias", {D}},
      {"h.{}.attn.c_attn.weight", {D, 3 * D}},
      {"h.{}.attn.c_attn.bias", {3 * D}},
      {"h.{}.attn.c_proj.weight", {D, D}},
      {"h.{}.attn.c_proj.bias", {D}},
      {"h.{}.ln_2.weight", {D}},
      {"h.{}.ln_2.bias", {D}},
      {"h.{}.mlp.c_fc.weight", {D, F}},
      {"h.{}.mlp.c_fc.bias", {F}},
      {"h.{}.mlp.c_proj.weight", {F, D}},
      {"h.{}.mlp.c_proj.bias", {D}},
  };
  return d;
}

/// GGUF metadata and tensors that Llama, Qwen3 and Gemma 3 share. `kvHeads`, if
/// any, are those of each layer.
inline GGUFWriter tinyGGUF(const std::string &arch,
                           std::span<const int32_t> kvHeads = {}) {
  GGUFWriter w;
  w.text("general.architecture", arch);
  w.text("general.name", "Tiny \n1");
  w.integer(arch + ".embedding_length", D);
  w.integer(arch + ".block_count", layers);
  w.integer(arch + ".feed_forward_length", F);
  w.integer(arch + ".attention.head_count", 4);
  Bytes each;
  each.put(uint32_t(5)).put(uint64_t(kvHeads.size()));
  for (int32_t heads : kvHeads)
    each.put(heads);
  if (kvHeads.empty())
    w.integer(arch + ".attention.head_count_kv", 2);
  else
    w.raw(arch + ".attention.head_count_kv", 9, each);
  w.integer(arch + ".attention.key_length", headSize);
  w.integer(arch + ".attention.value_length", headSize);
  w.integer(arch + ".context_length", 64);
  w.number(arch + ".attention.layer_norm_rms_epsilon", 1e-5f);
  w.number(arch + ".rope.freq_base", 1000);
  w.floats("token_embd.weight", {V, D});
  w.floats("output_norm.weight", {D});
  for (int i = 0; i < layers; ++i) {
    std::string block = "blk." + std::to_string(i) + ".";
    w.floats(block + "attn_norm.weight", {D});
    w.floats(block + "attn_q.weight", {Q, D});
    w.floats(block + "attn_k.weight", {KV, D});
    w.floats(block + "attn_v.weight", {KV, D});
    w.floats(block + "attn_output.weight", {D, Q});
    w.floats(block + "ffn_norm.weight", {D});
    w.floats(block + "ffn_gate.weight", {F, D});
    w.floats(block + "ffn_up.weight", {F, D});
    w.floats(block + "ffn_down.weight", {D, F});
  }
  return w;
}

/// Adds a vector of `size` to each layer.
inline void addToLayers(GGUFWriter &w, const std::string &name, uint64_t size) {
  for (int i = 0; i < layers; ++i)
    w.floats("blk." + std::to_string(i) + "." + name, {size});
}

} // namespace mica::test

#endif // TEST_LIB_IMPORT_TINYMODELS_H
