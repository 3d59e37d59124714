//===- DescribeModelTest.cpp - Families and what they refuse --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TinyModels.h"

#include <cmath>

using namespace mica;
using namespace mica::test;

namespace {

ModelDescription describe(TinyDirectory d) {
  Expected<Checkpoint> checkpoint = d.open();
  EXPECT_TRUE(checkpoint) << checkpoint.error().message;
  Expected<ModelDescription> model = describeModel(*checkpoint);
  EXPECT_TRUE(model) << model.error().message;
  return model ? *model : ModelDescription();
}

std::string errorOf(TinyDirectory d) {
  Expected<Checkpoint> checkpoint = d.open();
  if (!checkpoint)
    return checkpoint.error().message;
  Expected<ModelDescription> model = describeModel(*checkpoint);
  return model ? "no error" : model.error().message;
}

std::string errorWith(TinyDirectory d, const nlohmann::json &more) {
  d.config.update(more);
  return errorOf(std::move(d));
}

Expected<ModelDescription> describe(const GGUFWriter &w) {
  std::string text = w.file();
  Expected<GGUF> gguf =
      GGUF::parse(MappedFile::borrow("m.gguf", asBytes(text)));
  EXPECT_TRUE(gguf) << gguf.error().message;
  Expected<Checkpoint> checkpoint = Checkpoint::fromGGUF({*gguf});
  EXPECT_TRUE(checkpoint);
  return describeModel(*checkpoint);
}

TEST(DescribeModel, llama) {
  ModelDescription m = describe(tinyLlama());
  EXPECT_EQ(m.family, "llama");
  EXPECT_EQ(m.name, "d");
  EXPECT_EQ(m.vocabulary, V);
  EXPECT_EQ(m.width, D);
  EXPECT_EQ(m.heads, 4);
  EXPECT_EQ(m.kvHeads, 2);
  EXPECT_EQ(m.headSize, headSize);
  EXPECT_EQ(m.ffnWidth, F);
  EXPECT_EQ(m.maxContext, 2048);
  EXPECT_EQ(m.normEps, 1e-6);
  EXPECT_EQ(m.activation, Activation::Silu);
  EXPECT_TRUE(m.gated);
  EXPECT_FALSE(m.tied || m.qkvBias || m.postNorms);
  ASSERT_EQ(m.layers.size(), size_t(layers));
  EXPECT_EQ(m.layers[1].attentionScale, 0.5);
  EXPECT_EQ(m.layers[1].window, 0);
  EXPECT_EQ(m.layers[1].rope, 0);
  EXPECT_EQ(m.layers[1].weights[Role::Down],
            (WeightSource{"model.layers.1.mlp.down_proj.weight", D, F}));
  EXPECT_EQ(m.weights[Role::Output], (WeightSource{"lm_head.weight", V, D}));
  EXPECT_EQ(m.layers[0].weights.size(), layerRoles(m, m.layers[0]).size());
  EXPECT_TRUE(m.warnings.empty());
}

TEST(DescribeModel, llama_biases) {
  TinyDirectory d = tinyLlama();
  d.config["attention_bias"] = d.config["mlp_bias"] = true;
  EXPECT_EQ(errorOf(d), "d: tensor 'model.layers.0.self_attn.q_proj.bias' "
                        "missing, expected for the query bias");
  std::string layer = "model.layers.{}.";
  for (auto [name, size] : {std::pair{"self_attn.q", Q},
                            {"self_attn.k", KV},
                            {"self_attn.v", KV},
                            {"self_attn.o", D},
                            {"mlp.gate", F},
                            {"mlp.up", F},
                            {"mlp.down", D}})
    d.tensors.push_back({layer + name + "_proj.bias", {size}});
  ModelDescription m = describe(d);
  EXPECT_TRUE(m.qkvBias && m.attentionOutputBias && m.ffnBias);
  EXPECT_EQ(m.layers[1].weights[Role::GateBias],
            (WeightSource{"model.layers.1.mlp.gate_proj.bias", F, 1}));
}

TEST(DescribeModel, qwen3) {
  TinyDirectory d = tinyQwen3();
  d.config.erase("head_dim");
  EXPECT_EQ(errorOf(d),
            "d/model.safetensors: tensor 'model.layers.0.self_attn.q_proj."
            "weight' has shape [16, 8], expected [512, 8] by the "
            "hyperparameters");
  ModelDescription m = describe(tinyQwen3());
  EXPECT_TRUE(m.tied);
  EXPECT_EQ(m.qkNorms, QKNorms::Head);
  EXPECT_FALSE(m.weights.count(Role::Output));
  EXPECT_EQ(m.layers[0].weights[Role::KeyNorm].rows, headSize);
}

TEST(DescribeModel, qwen3_windows) {
  TinyDirectory d = tinyQwen3();
  d.config.update({{"use_sliding_window", true},
                   {"sliding_window", 7},
                   {"max_window_layers", 1}});
  ModelDescription m = describe(d);
  EXPECT_EQ(m.layers[0].window, 0);
  EXPECT_EQ(m.layers[1].window, 7);
}

TEST(DescribeModel, gemma3) {
  ModelDescription m = describe(tinyGemma3());
  EXPECT_EQ(m.normOffset, 1);
  EXPECT_EQ(m.embeddingScale, double(std::sqrt(8.0f)));
  EXPECT_EQ(m.activation, Activation::GeluTanh);
  EXPECT_TRUE(m.postNorms && m.tied);
  EXPECT_EQ(m.qkNorms, QKNorms::Head);
  EXPECT_EQ(m.finalSoftcap, 0);
  EXPECT_EQ(m.layers[0].window, 5);
  EXPECT_EQ(m.layers[1].window, 0);
  EXPECT_EQ(m.layers[0].attentionScale, 1 / 16.0);
  ASSERT_EQ(m.ropes.size(), 2u);
  EXPECT_FLOAT_EQ(m.ropes[m.layers[0].rope].inverseFrequencies[1], 0.01f);
  EXPECT_FLOAT_EQ(m.ropes[m.layers[1].rope].inverseFrequencies[1], 0.001f);
  EXPECT_EQ(m.layers[0].weights[Role::FfnNorm].tensor,
            "model.layers.0.pre_feedforward_layernorm.weight");
}

TEST(DescribeModel, gemma3_ropes_by_kind) {
  TinyDirectory d = tinyGemma3();
  d.config["final_logit_softcapping"] = 30.0;
  d.config["attn_logit_softcapping"] = 50.0;
  d.config["layer_types"] = {"full_attention", "sliding_attention"};
  d.config["rope_parameters"] = {
      {"full_attention",
       {{"rope_type", "linear"}, {"factor", 8}, {"rope_theta", 1e4}}},
      {"sliding_attention", {{"rope_theta", 100.0}}}};
  ModelDescription m = describe(d);
  EXPECT_EQ(m.finalSoftcap, 30);
  EXPECT_EQ(m.attentionSoftcap, 0);
  EXPECT_EQ(m.warnings.size(), 1u);
  EXPECT_EQ(m.layers[1].window, 5);
  EXPECT_FLOAT_EQ(m.ropes[m.layers[0].rope].inverseFrequencies[1], 0.00125f);
  EXPECT_FLOAT_EQ(m.ropes[m.layers[1].rope].inverseFrequencies[1], 0.1f);
}

// The text half of a model with vision: settings in a section, another prefix.
TEST(DescribeModel, gemma3_text_config) {
  TinyDirectory d = tinyGemma3();
  nlohmann::json text = d.config;
  text["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 8.0}};
  d.config = {{"model_type", "gemma3"}, {"text_config", text}};
  for (auto &[name, shape] : d.tensors)
    name = "language_model." + name;
  d.tensors.push_back({"vision_tower.conv.weight", {3}});
  ModelDescription m = describe(d);
  EXPECT_TRUE(m.warnings.empty());
  EXPECT_FLOAT_EQ(m.ropes[m.layers[0].rope].inverseFrequencies[0], 1);
  EXPECT_FLOAT_EQ(m.ropes[m.layers[1].rope].inverseFrequencies[0], 0.125f);
}

TEST(DescribeModel, gpt2) {
  ModelDescription m = describe(tinyGPT2());
  EXPECT_EQ(m.norm, NormKind::Layer);
  EXPECT_TRUE(m.learnedPositions && m.tied && m.qkvBias && m.ffnBias);
  EXPECT_FALSE(m.gated);
  EXPECT_EQ(m.layers[0].rope, -1);
  EXPECT_EQ(m.maxContext, 6);
  WeightMap &weights = m.layers[1].weights;
  EXPECT_EQ(weights[Role::Value],
            (WeightSource{"h.1.attn.c_attn.weight", D, D, 2 * D, true}));
  EXPECT_EQ(weights[Role::KeyBias],
            (WeightSource{"h.1.attn.c_attn.bias", D, 1, D}));
  EXPECT_EQ(weights[Role::Down],
            (WeightSource{"h.1.mlp.c_proj.weight", D, F, 0, true}));
}

TEST(DescribeModel, gpt2_prefix_and_masks) {
  TinyDirectory d = tinyGPT2();
  d.config["scale_attn_by_inverse_layer_idx"] = true;
  for (auto &[name, shape] : d.tensors)
    name = "transformer." + name;
  d.tensors.push_back({"transformer.h.{}.attn.bias", {1, 1, 6, 6}});
  d.tensors.push_back({"lm_head.weight", {V, D}});
  ModelDescription m = describe(d);
  EXPECT_TRUE(m.warnings.empty());
  EXPECT_EQ(m.layers[0].attentionScale, 0.5);
  EXPECT_EQ(m.layers[1].attentionScale, 0.25);
}

TEST(DescribeModel, gguf_llama) {
  GGUFWriter w = tinyGGUF("llama");
  w.floats("output.weight", {V, D});
  w.floats("rope_freqs.weight", {2});
  w.integer("tokenizer.ggml.bos_token_id", 1);
  w.integer("tokenizer.ggml.eos_token_id", 2);
  w.integer("tokenizer.ggml.eot_token_id", 11);
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->name, "Tiny ?1");
  EXPECT_EQ(m->layers[1].weights[Role::Key],
            (WeightSource{"blk.1.attn_k.weight", KV, D, 0, false,
                          RowOrder::PairsToHalves}));
  EXPECT_EQ(m->layers[1].weights[Role::Value].order, RowOrder::Plain);
  EXPECT_FALSE(m->tied);
  EXPECT_EQ(m->bosToken, 1);
  EXPECT_EQ(m->eosTokens, std::vector<int64_t>{2});
  EXPECT_EQ(m->warnings,
            std::vector<std::string>{"m.gguf: tokenizer.ggml.eot_token_id is "
                                     "11, expected 0 to 9"});
  // The writer fills tensors with 0x3c3c3c3c, about 0.0115.
  EXPECT_FLOAT_EQ(m->ropes[0].inverseFrequencies[0],
                  1 / std::bit_cast<float>(0x3c3c3c3c));
}

TEST(DescribeModel, gguf_qwen3) {
  GGUFWriter w = tinyGGUF("qwen3");
  addToLayers(w, "attn_q_norm.weight", headSize);
  addToLayers(w, "attn_k_norm.weight", headSize);
  w.text("qwen3.rope.scaling.type", "linear");
  w.number("qwen3.rope.scaling.factor", 2);
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_TRUE(m->tied);
  EXPECT_EQ(m->qkNorms, QKNorms::Head);
  EXPECT_EQ(m->normEps, double(1e-5f));
  EXPECT_EQ(m->maxContext, 64);
  EXPECT_EQ(m->ropes[0].inverseFrequencies[0], 0.5f);
  EXPECT_EQ(m->layers[0].weights[Role::Query].order, RowOrder::Plain);
}

GGUFWriter tinyGemma3GGUF() {
  GGUFWriter w = tinyGGUF("gemma3");
  w.integer("gemma3.attention.sliding_window", 5);
  for (const char *norm : {"attn_q_norm.weight", "attn_k_norm.weight"})
    addToLayers(w, norm, headSize);
  for (const char *norm :
       {"post_attention_norm.weight", "post_ffw_norm.weight"})
    addToLayers(w, norm, D);
  return w;
}

TEST(DescribeModel, gguf_gemma3) {
  GGUFWriter w = tinyGemma3GGUF();
  w.raw("gemma3.attention.sliding_window_pattern", 9,
        Bytes()
            .put(uint32_t(7))
            .put(uint64_t(2))
            .put(uint8_t(0))
            .put(uint8_t(1)));
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->normOffset, 0);
  EXPECT_EQ(m->layers[0].window, 0);
  EXPECT_EQ(m->layers[1].window, 5);
  EXPECT_EQ(m->layers[0].attentionScale, 0.5);
  EXPECT_EQ(m->ropes.size(), 2u);
  EXPECT_FALSE(toJson(*m).empty());
}

TEST(DescribeModel, gguf_gemma3_settings) {
  GGUFWriter w = tinyGemma3GGUF();
  w.integer("gemma3.attention.sliding_window_pattern", 2);
  w.number("gemma3.attention.scale", 0.75f);
  w.number("gemma3.final_logit_softcapping", 30);
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->layers[0].window, 5);
  EXPECT_EQ(m->layers[1].window, 0);
  EXPECT_EQ(m->layers[0].attentionScale, 0.75);
  EXPECT_EQ(m->finalSoftcap, 30);
}

TEST(DescribeModel, gguf_gpt2) {
  GGUFWriter w;
  w.text("general.architecture", "gpt2");
  w.integer("gpt2.embedding_length", D);
  w.integer("gpt2.block_count", layers);
  w.integer("gpt2.attention.head_count", 2);
  w.integer("gpt2.feed_forward_length", F);
  w.integer("gpt2.context_length", 6);
  w.number("gpt2.attention.layer_norm_epsilon", 1e-5f);
  w.floats("token_embd.weight", {V, D});
  w.floats("position_embd.weight", {6, D});
  for (const char *part : {"output_norm.weight", "output_norm.bias"})
    w.floats(part, {D});
  for (const char *part :
       {"attn_norm.weight", "attn_norm.bias", "ffn_norm.weight",
        "ffn_norm.bias", "attn_output.bias", "ffn_down.bias"})
    addToLayers(w, part, D);
  addToLayers(w, "attn_qkv.bias", 3 * D);
  addToLayers(w, "ffn_up.bias", F);
  for (int i = 0; i < layers; ++i) {
    std::string block = "blk." + std::to_string(i) + ".";
    w.floats(block + "attn_qkv.weight", {3 * D, D});
    w.floats(block + "attn_output.weight", {D, D});
    w.floats(block + "ffn_up.weight", {F, D});
    w.floats(block + "ffn_down.weight", {D, F});
  }
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->layers[1].weights[Role::Key],
            (WeightSource{"blk.1.attn_qkv.weight", D, D, D}));
}

/// An error that begins so and goes on with a list of names, these among them;
/// a new family is one more, and no matter of this test.
void expectFamilies(const std::string &error, const std::string &start,
                    std::initializer_list<const char *> names) {
  ASSERT_TRUE(error.starts_with(start)) << error;
  std::string list = ", " + error.substr(start.size()) + ", ";
  EXPECT_EQ(list.find('\n'), std::string::npos) << error;
  for (std::string name : names)
    EXPECT_NE(list.find(", " + name + ", "), std::string::npos) << name;
}

TEST(DescribeModel, refused_by_gguf) {
  auto error = [](auto change) {
    GGUFWriter w = tinyGGUF("llama");
    change(w);
    Expected<ModelDescription> m = describe(w);
    return m ? "no error" : m.error().message;
  };
  EXPECT_EQ(error([](auto &w) { w = {}; }),
            "m.gguf: metadata 'general.architecture' is missing, expected a "
            "string");
  expectFamilies(error([](auto &w) { w = tinyGGUF("mamba"); }),
                 "m.gguf: architecture 'mamba', expected one of ",
                 {"command-r", "gptneox", "llama"});
  EXPECT_EQ(error([](auto &w) { w.integer("llama.expert_count", 8); }),
            "m.gguf: metadata 'llama.expert_used_count' is missing, expected "
            "an integer");
  EXPECT_EQ(error([](auto &w) { w.integer("llama.rope.dimension_count", 3); }),
            "m.gguf: rope turns 3 columns of a head, expected an even number "
            "from 2 to 4");
  EXPECT_EQ(error([](auto &w) { w.text("llama.rope.scaling.type", "spiral"); }),
            "m.gguf: rope scaling type 'spiral', expected none, linear, yarn "
            "or longrope");
  EXPECT_EQ(error([](auto &w) { w.text("llama.vocab_size", "many"); }),
            "m.gguf: metadata 'llama.vocab_size' is of type string, expected "
            "an integer below 2^63");
  EXPECT_EQ(error([](auto &w) { w.integer("llama.vocab_size", 11); }),
            "m.gguf: tensor 'token_embd.weight' has shape [10, 8], expected "
            "[11, 8] by the hyperparameters");
  EXPECT_EQ(error([](auto &w) { w.floats("rope_freqs.weight", {3}); }),
            "m.gguf: tensor 'rope_freqs.weight' is no vector of 2 f32 numbers, "
            "expected one");
}

TEST(DescribeModel, refused_settings) {
  std::string config = "d/config.json: ";
  expectFamilies(errorWith(tinyLlama(), {{"model_type", "mamba"}}),
                 config + "architecture 'mamba', expected one of ",
                 {"gpt_neox", "gemma3_text", "gemma3", "llama", "ministral"});
  EXPECT_EQ(errorWith(tinyLlama(), {{"model_type", 3}}),
            config + "model_type is 3, expected a string");
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_size", nullptr}}),
            config + "hidden_size is missing, expected an integer");
  std::string range = ", expected an integer from 1 to 2147483647";
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_size", -8}}),
            config + "hidden_size is -8" + range);
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_size", 8.5}}),
            config + "hidden_size is 8.5" + range);
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_size", ~uint64_t(0)}}),
            config + "hidden_size is 18446744073709551615" + range);
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_size", {8}}}),
            config + "hidden_size is an array" + range);
  EXPECT_EQ(errorWith(tinyLlama(), {{"num_hidden_layers", 1000000}}),
            config + "1000000 layers, expected at most one for each of the 21 "
                     "tensors");
  EXPECT_EQ(errorWith(tinyLlama(), {{"head_dim", 2000000000}}),
            config + "heads of 2000000000 columns, expected at most 65536");
  EXPECT_EQ(errorWith(tinyLlama(), {{"head_dim", 3}}),
            config + "rope turns 3 columns of a head, expected an even number "
                     "from 2 to 3");
  EXPECT_EQ(errorWith(tinyLlama(), {{"num_key_value_heads", 3}}),
            config + "4 heads, expected a multiple of the 3 kv-heads");
  EXPECT_EQ(errorWith(tinyLlama(), {{"rms_norm_eps", 0}}),
            config + "norm epsilon is 0.000000, expected a number above 0");
  EXPECT_EQ(errorWith(tinyLlama(), {{"rms_norm_eps", "x"}}),
            config + "rms_norm_eps is 'x', expected a finite number");
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_act", "mish"}}),
            config + "hidden_act is 'mish', expected silu, gelu, gelu_new, "
                     "gelu_pytorch_tanh, relu or relu2");
  EXPECT_EQ(errorWith(tinyLlama(), {{"hidden_act", 1}}),
            config + "hidden_act is 1, expected a string");
  EXPECT_EQ(errorWith(tinyLlama(), {{"attention_bias", 1}}),
            config + "attention_bias is 1, expected true or false");
  EXPECT_EQ(errorWith(tinyGemma3(), {{"use_bidirectional_attention", true}}),
            config + "use_bidirectional_attention is true, expected false");
  EXPECT_EQ(errorWith(tinyGemma3(), {{"final_logit_softcapping", -1}}),
            config + "final_logit_softcapping is -1.000000, expected a number "
                     "above 0");
  EXPECT_EQ(errorWith(tinyGemma3(), {{"query_pre_attn_scalar", 0}}),
            config + "query_pre_attn_scalar is not above 0, expected a number "
                     "above 0");
  EXPECT_EQ(errorWith(tinyGemma3(), {{"layer_types", {"full_attention"}}}),
            config + "layer_types does not fit the layers, expected an array "
                     "of 2");
  EXPECT_EQ(errorWith(tinyGemma3(), {{"layer_types", {"full_attention", 1}}}),
            config + "layer_types[1] is another kind, expected full_attention "
                     "or sliding_attention");
  EXPECT_EQ(errorWith(tinyGPT2(), {{"n_head", 3}}),
            config + "width is 8, expected a multiple of the 3 heads");
}

TEST(DescribeModel, tensors_against_settings) {
  TinyDirectory d = tinyLlama();
  d.remove("model.norm.weight");
  EXPECT_EQ(errorOf(d), "d: tensor 'model.norm.weight' missing, expected for "
                        "the final norm");
  EXPECT_EQ(errorWith(tinyLlama(), {{"intermediate_size", 13}}),
            "d/model.safetensors: tensor 'model.layers.0.mlp.up_proj.weight' "
            "has shape [12, 8], expected [13, 8] by the hyperparameters");
  EXPECT_EQ(errorWith(tinyGPT2(), {{"n_inner", 13}}),
            "d/model.safetensors: tensor 'h.0.mlp.c_fc.weight' has shape "
            "[8, 12], expected [8, 13] by the hyperparameters");
  d = tinyLlama();
  d.tensors.push_back({"model.layers.{}.self_attn.rotary_emb.inv_freq", {2}});
  d.tensors.push_back({"extra", {2}});
  EXPECT_EQ(describe(d).warnings,
            std::vector<std::string>{"d/model.safetensors: tensor 'extra' "
                                     "found, expected none of that name"});
  for (int i = 0; i < 25; ++i)
    d.tensors.push_back({"extra" + std::to_string(i), {2}});
  EXPECT_EQ(describe(d).warnings.back(),
            "d: 6 more tensors found, expected none");
}

TEST(DescribeModel, json) {
  auto json = nlohmann::json::parse(toJson(describe(tinyGPT2())));
  EXPECT_EQ(json["norm"], "layer");
  EXPECT_EQ(json["layers"][1]["weights"]["value"]["first_row"], 16);
  EXPECT_EQ(json["layers"][1]["weights"]["value"]["transposed"], true);
}

} // namespace
