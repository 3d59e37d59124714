//===- FamiliesTest.cpp - What each family's settings and names mean ------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TinyModels.h"

#include <cmath>

using namespace mica;
using namespace mica::test;

namespace {

Expected<ModelDescription> tryDescribe(TinyDirectory d) {
  Expected<Checkpoint> checkpoint = d.open();
  EXPECT_TRUE(checkpoint) << checkpoint.error().message;
  return describeModel(*checkpoint);
}

ModelDescription describe(TinyDirectory d) {
  Expected<ModelDescription> model = tryDescribe(std::move(d));
  EXPECT_TRUE(model) << model.error().message;
  return model ? *model : ModelDescription();
}

/// A model of the Llama kind with another type and further settings.
TinyDirectory tiny(const char *type, const nlohmann::json &more = {}) {
  TinyDirectory d = tinyLlama();
  d.config["model_type"] = type;
  if (!more.is_null())
    d.config.update(more);
  return d;
}

/// Adds tensors of these sizes to every layer.
void add(TinyDirectory &d,
         std::initializer_list<std::pair<const char *, int64_t>> vectors) {
  for (auto [name, size] : vectors)
    d.tensors.push_back({std::string("model.layers.{}.") + name, {size}});
}

std::vector<int64_t> windowsOf(const ModelDescription &m) {
  std::vector<int64_t> windows;
  for (const LayerDescription &layer : m.layers)
    windows.push_back(layer.window);
  return windows;
}

using Windows = std::vector<int64_t>;

TEST(Families, mistral) {
  EXPECT_EQ(windowsOf(describe(tiny("mistral"))), Windows({4096, 4096}));
  EXPECT_EQ(windowsOf(describe(tiny("mistral", {{"sliding_window", 7}}))),
            Windows({7, 7}));
  EXPECT_EQ(windowsOf(describe(tiny("mistral", {{"sliding_window", nullptr}}))),
            Windows({0, 0}));
  EXPECT_EQ(describe(tiny("mistral")).maxContext, 131072);
}

TEST(Families, ministral) {
  TinyDirectory d = tiny(
      "ministral", {{"sliding_window", 7},
                    {"layer_types", {"full_attention", "sliding_attention"}}});
  EXPECT_EQ(windowsOf(describe(d)), Windows({0, 7}));
}

TEST(Families, qwen2) {
  TinyDirectory d = tiny("qwen2");
  add(d, {{"self_attn.q_proj.bias", Q},
          {"self_attn.k_proj.bias", KV},
          {"self_attn.v_proj.bias", KV}});
  ModelDescription m = describe(d);
  EXPECT_TRUE(m.qkvBias);
  EXPECT_FALSE(m.attentionOutputBias);
  EXPECT_EQ(m.maxContext, 32768);
}

TEST(Families, gemma) {
  TinyDirectory d = tiny("gemma", {{"hidden_act", "gelu"}});
  ModelDescription m = describe(d);
  EXPECT_EQ(m.normOffset, 1);
  EXPECT_EQ(m.embeddingScale, double(std::sqrt(8.0f)));
  EXPECT_EQ(m.activation, Activation::GeluTanh);
  EXPECT_TRUE(m.tied);
}

TinyDirectory tinyGemma2(const nlohmann::json &more = {}) {
  TinyDirectory d = tiny("gemma2", more);
  add(d, {{"pre_feedforward_layernorm.weight", D},
          {"post_feedforward_layernorm.weight", D}});
  return d;
}

TEST(Families, gemma2) {
  ModelDescription m = describe(tinyGemma2());
  EXPECT_EQ(m.attentionSoftcap, 50);
  EXPECT_EQ(m.finalSoftcap, 30);
  EXPECT_EQ(windowsOf(m), Windows({4096, 0}));
  EXPECT_EQ(m.layers[0].attentionScale, 1 / 16.0);
  EXPECT_TRUE(m.postNorms && m.preNorms);
  m = describe(tinyGemma2({{"attn_logit_softcapping", nullptr},
                           {"final_logit_softcapping", 2.5},
                           {"query_pre_attn_scalar", 4}}));
  EXPECT_EQ(m.attentionSoftcap, 0);
  EXPECT_EQ(m.finalSoftcap, 2.5);
  EXPECT_EQ(m.layers[0].attentionScale, 0.5);
}

TinyDirectory tinyPhi3(const nlohmann::json &more = {}) {
  TinyDirectory d = tiny("phi3", more);
  for (const char *name :
       {"self_attn.q", "self_attn.k", "self_attn.v", "mlp.gate", "mlp.up"})
    d.remove(std::string("model.layers.{}.") + name + "_proj.weight");
  d.tensors.push_back(
      {"model.layers.{}.self_attn.qkv_proj.weight", {Q + 2 * KV, D}});
  d.tensors.push_back({"model.layers.{}.mlp.gate_up_proj.weight", {2 * F, D}});
  return d;
}

TEST(Families, phi3) {
  ModelDescription m = describe(tinyPhi3({{"partial_rotary_factor", 0.5}}));
  WeightMap &weights = m.layers[1].weights;
  std::string block = "model.layers.1.";
  EXPECT_EQ(weights[Role::Value],
            (WeightSource{block + "self_attn.qkv_proj.weight", KV, D, Q + KV}));
  EXPECT_EQ(weights[Role::Gate],
            (WeightSource{block + "mlp.gate_up_proj.weight", F, D}));
  EXPECT_EQ(weights[Role::Up],
            (WeightSource{block + "mlp.gate_up_proj.weight", F, D, F}));
  EXPECT_EQ(m.ropes[0].inverseFrequencies.size(), 1u);
  EXPECT_EQ(windowsOf(m), Windows({0, 0}));
}

// Which factors, is a matter of the longest text.
TEST(Families, phi3_long) {
  TinyDirectory d = tinyPhi3(
      {{"max_position_embeddings", 64},
       {"original_max_position_embeddings", 16},
       {"rope_scaling",
        {{"type", "su"}, {"short_factor", {1, 2}}, {"long_factor", {4, 8}}}}});
  Expected<Checkpoint> checkpoint = d.open();
  ASSERT_TRUE(checkpoint);
  for (auto [context, first] :
       {std::pair<int64_t, float>{0, 0.25f}, {17, 0.25f}, {16, 1}}) {
    Expected<ModelDescription> m = describeModel(*checkpoint, context);
    ASSERT_TRUE(m) << m.error().message;
    EXPECT_EQ(m->ropes[0].inverseFrequencies[0], first);
    EXPECT_FLOAT_EQ(m->ropes[0].scale, std::sqrt(1.5f));
  }
}

TinyDirectory tinyOLMo(const char *type, const nlohmann::json &more = {}) {
  TinyDirectory d = tiny(type, more);
  d.remove("model.layers.{}.input_layernorm.weight");
  add(d, {{"post_feedforward_layernorm.weight", D},
          {"self_attn.q_norm.weight", Q},
          {"self_attn.k_norm.weight", KV}});
  return d;
}

TEST(Families, olmo2) {
  ModelDescription m = describe(tinyOLMo("olmo2"));
  EXPECT_EQ(m.qkNorms, QKNorms::Row);
  EXPECT_TRUE(m.postNorms && !m.preNorms);
  EXPECT_FALSE(m.layers[0].weights.count(Role::FfnNorm));
  EXPECT_EQ(m.layers[0].weights[Role::PostAttentionNorm].tensor,
            "model.layers.0.post_attention_layernorm.weight");
}

TEST(Families, olmo3) {
  ModelDescription m = describe(tinyOLMo("olmo3"));
  EXPECT_EQ(m.qkNorms, QKNorms::Row);
  EXPECT_TRUE(m.postNorms && !m.preNorms);
  EXPECT_EQ(windowsOf(m), Windows({4096, 4096}));
  EXPECT_EQ(m.layers[1].attentionScale, 0.5);
  m = describe(tinyOLMo(
      "olmo3", {{"sliding_window", 7},
                {"layer_types", {"full_attention", "sliding_attention"}},
                {"rope_parameters",
                 {{"full_attention", {{"rope_theta", 100}}},
                  {"sliding_attention", {{"rope_theta", 16}}}}}}));
  EXPECT_EQ(windowsOf(m), Windows({0, 7}));
  EXPECT_EQ(m.ropes[m.layers[0].rope].inverseFrequencies[1], 0.1f);
  EXPECT_EQ(m.ropes[m.layers[1].rope].inverseFrequencies[1], 0.25f);
}

TEST(Families, olmo3_older_rope) {
  ModelDescription m = describe(tinyOLMo(
      "olmo3", {{"layer_types", {"full_attention", "sliding_attention"}},
                {"rope_theta", 16},
                {"rope_scaling", {{"rope_type", "linear"}, {"factor", 2}}}}));
  EXPECT_EQ(m.ropes[m.layers[0].rope].inverseFrequencies[1], 0.125f);
  EXPECT_EQ(m.ropes[m.layers[1].rope].inverseFrequencies[1], 0.25f);
}

TEST(Families, olmo3_refused) {
  auto error = [](const nlohmann::json &more) {
    return tryDescribe(tinyOLMo("olmo3", more)).error().message;
  };
  EXPECT_EQ(error({{"sliding_window", nullptr}}),
            "d/config.json: sliding_window is null, expected a number");
  EXPECT_EQ(error({{"rope_parameters", {{"rope_type", "default"}}}}),
            "d/config.json: rope_parameters is one rope, expected "
            "full_attention and sliding_attention within it");
}

TEST(Families, rope_settings_of_another_type) {
  auto error = [](const nlohmann::json &more) {
    return tryDescribe(tinyOLMo("olmo3", more)).error().message;
  };
  EXPECT_EQ(error({{"rope_parameters", nlohmann::json::array({1})}}),
            "d/config.json: rope_parameters is an array, expected an object");
  EXPECT_EQ(error({{"rope_scaling", "linear"}}),
            "d/config.json: rope_scaling is 'linear', expected an object");
  EXPECT_EQ(error({{"rope_parameters",
                    {{"full_attention", 2}, {"sliding_attention", 3}}}}),
            "d/config.json: rope_parameters.full_attention is 2, expected an "
            "object");
}

TEST(Families, arcee) {
  TinyDirectory d = tiny("arcee");
  d.remove("model.layers.{}.mlp.gate_proj.weight");
  ModelDescription m = describe(d);
  EXPECT_FALSE(m.gated || m.tied || m.ffnBias);
  EXPECT_EQ(m.activation, Activation::ReluSquared);
  EXPECT_EQ(m.normEps, 1e-5);
  EXPECT_EQ(m.maxContext, 4096);
  d.config["mlp_bias"] = true;
  add(d, {{"mlp.up_proj.bias", F}, {"mlp.down_proj.bias", D}});
  EXPECT_TRUE(describe(d).ffnBias);
}

std::vector<int> ropesOf(const ModelDescription &m) {
  std::vector<int> ropes;
  for (const LayerDescription &layer : m.layers)
    ropes.push_back(layer.rope);
  return ropes;
}

TinyDirectory tinySmolLM3(const nlohmann::json &more = {}) {
  TinyDirectory d = tiny("smollm3", more);
  d.remove("lm_head.weight");
  return d;
}

using Ropes = std::vector<int>;

TEST(Families, smollm3) {
  ModelDescription m = describe(tinySmolLM3());
  EXPECT_TRUE(m.tied);
  EXPECT_EQ(m.maxContext, 32768);
  EXPECT_EQ(ropesOf(m), Ropes({0, 0}));
  EXPECT_EQ(ropesOf(describe(tinySmolLM3({{"no_rope_layer_interval", 2}}))),
            Ropes({0, -1}));
  nlohmann::json second = {{"no_rope_layers", {0, 1}}, {"sliding_window", 7}};
  m = describe(tinySmolLM3(second));
  EXPECT_EQ(ropesOf(m), Ropes({-1, 0}));
  EXPECT_EQ(windowsOf(m), Windows({0, 0}));
  second["use_sliding_window"] = true;
  EXPECT_EQ(windowsOf(describe(tinySmolLM3(second))), Windows({7, 0}));
  second["layer_types"] = {"full_attention", "sliding_attention"};
  EXPECT_EQ(windowsOf(describe(tinySmolLM3(second))), Windows({0, 7}));
}

TEST(Families, smollm3_refused) {
  for (nlohmann::json ropes :
       {nlohmann::json(3), nlohmann::json{1}, nlohmann::json{1, 2}})
    EXPECT_EQ(
        tryDescribe(tinySmolLM3({{"no_rope_layers", ropes}})).error().message,
        "d/config.json: no_rope_layers does not fit the layers, expected "
        "an array of 0 and 1 for each of the 2");
  nlohmann::json types = {"full_attention", "sliding_attention"};
  EXPECT_EQ(tryDescribe(tinySmolLM3({{"layer_types", types}})).error().message,
            "d/config.json: layer_types has sliding_attention, expected "
            "use_sliding_window and sliding_window with it");
}

TEST(Families, granite) {
  ModelDescription m = describe(tiny("granite", {{"embedding_multiplier", 12},
                                                 {"residual_multiplier", 0.25},
                                                 {"attention_multiplier", 0.1},
                                                 {"logits_scaling", 8}}));
  EXPECT_EQ(m.embeddingScale, 12);
  EXPECT_EQ(m.residualScale, 0.25);
  EXPECT_EQ(m.logitScale, 0.125);
  EXPECT_EQ(m.layers[1].attentionScale, 0.1);
  EXPECT_EQ(describe(tiny("granite")).layers[1].attentionScale, 1);
  Expected<ModelDescription> wrong =
      tryDescribe(tiny("granite", {{"logits_scaling", 0}}));
  EXPECT_EQ(wrong.error().message, "d/config.json: logits_scaling is 0.000000, "
                                   "expected a number above 0");
}

TinyDirectory tinyCohere(const char *type, const nlohmann::json &more = {}) {
  TinyDirectory d = tiny(type, more);
  d.remove("model.layers.{}.post_attention_layernorm.weight");
  return d;
}

TEST(Families, cohere) {
  ModelDescription m = describe(tinyCohere("cohere"));
  EXPECT_EQ(m.norm, NormKind::Layer);
  EXPECT_EQ(m.residual, Residual::ParallelShared);
  EXPECT_EQ(m.ropes[0].pairing, RopePairing::Interleaved);
  EXPECT_EQ(m.logitScale, 0.0625);
  EXPECT_TRUE(m.tied);
  EXPECT_FALSE(m.weights.count(Role::FinalNormBias));

  TinyDirectory d = tinyCohere("cohere", {{"use_qk_norm", true}});
  std::string block = "model.layers.{}.self_attn.";
  d.tensors.push_back({block + "q_norm.weight", {4, headSize}});
  d.tensors.push_back({block + "k_norm.weight", {2, headSize}});
  m = describe(d);
  EXPECT_EQ(m.qkNorms, QKNorms::PerHead);
  EXPECT_EQ(m.layers[0].weights[Role::QueryNorm].rows, Q);
}

TEST(Families, cohere2) {
  ModelDescription m = describe(tinyCohere(
      "cohere2", {{"sliding_window", 5}, {"sliding_window_pattern", 2}}));
  EXPECT_EQ(windowsOf(m), Windows({5, 0}));
  EXPECT_EQ(m.layers[0].rope, 0);
  EXPECT_EQ(m.layers[1].rope, -1);
}

TinyDirectory tinyNeoX(const nlohmann::json &more = {}) {
  TinyDirectory d;
  d.config = {{"model_type", "gpt_neox"},
              {"vocab_size", V},
              {"hidden_size", D},
              {"intermediate_size", F},
              {"num_hidden_layers", layers},
              {"num_attention_heads", 2}};
  if (!more.is_null())
    d.config.update(more);
  d.tensors = {{"gpt_neox.embed_in.weight", {V, D}},
               {"embed_out.weight", {V, D}}};
  for (const auto &[name, rows, columns] :
       {std::tuple{"layers.{}.attention.query_key_value", 3 * D, D},
        {"layers.{}.attention.dense", D, D},
        {"layers.{}.mlp.dense_h_to_4h", F, D},
        {"layers.{}.mlp.dense_4h_to_h", D, F},
        {"layers.{}.input_layernorm", D, int64_t(0)},
        {"layers.{}.post_attention_layernorm", D, int64_t(0)},
        {"final_layer_norm", D, int64_t(0)}}) {
    std::vector<int64_t> shape = {rows};
    d.tensors.push_back({std::string("gpt_neox.") + name + ".bias", shape});
    if (columns)
      shape.push_back(columns);
    d.tensors.push_back({std::string("gpt_neox.") + name + ".weight", shape});
  }
  return d;
}

TEST(Families, gpt_neox) {
  ModelDescription m =
      describe(tinyNeoX({{"rotary_pct", 0.5}, {"num_key_value_heads", 1}}));
  EXPECT_EQ(m.residual, Residual::Parallel);
  EXPECT_EQ(m.activation, Activation::Gelu);
  EXPECT_EQ(m.ropes[0].inverseFrequencies.size(), 1u);
  EXPECT_TRUE(m.qkvBias && m.ffnBias && !m.gated && !m.tied);
  WeightSource key{"gpt_neox.layers.1.attention.query_key_value.weight", D, D,
                   headSize};
  key.run = headSize;
  key.stride = 3 * headSize;
  EXPECT_EQ(m.layers[1].weights[Role::Key], key);
  m = describe(tinyNeoX({{"rotary_pct", 1}, {"use_parallel_residual", false}}));
  EXPECT_EQ(m.residual, Residual::Sequential);
}

// What transformers writes today has the output's usual name.
TEST(Families, gpt_neox_output) {
  TinyDirectory d = tinyNeoX({{"rotary_pct", 1}});
  d.remove("embed_out.weight");
  EXPECT_EQ(tryDescribe(d).error().message,
            "d: tensor 'embed_out.weight' missing, expected for the output");
  d.tensors.push_back({"lm_head.weight", {V, D}});
  EXPECT_EQ(describe(d).weights[Role::Output].tensor, "lm_head.weight");
}

TEST(Families, starcoder2) {
  TinyDirectory d = tiny("starcoder2", {{"use_bias", false}});
  d.remove("model.layers.{}.mlp.gate_proj.weight");
  d.remove("model.layers.{}.mlp.up_proj.weight");
  d.remove("model.layers.{}.mlp.down_proj.weight");
  d.tensors.push_back({"model.layers.{}.mlp.c_fc.weight", {F, D}});
  d.tensors.push_back({"model.layers.{}.mlp.c_proj.weight", {D, F}});
  d.tensors.push_back({"model.norm.bias", {D}});
  add(d, {{"input_layernorm.bias", D}, {"post_attention_layernorm.bias", D}});
  ModelDescription m = describe(d);
  EXPECT_EQ(m.norm, NormKind::Layer);
  EXPECT_EQ(m.activation, Activation::GeluTanh);
  EXPECT_FALSE(m.gated || m.qkvBias || m.ffnBias);
  EXPECT_TRUE(m.tied);
}

TinyDirectory tinyDeepSeek(const nlohmann::json &more = {}) {
  TinyDirectory d = tiny("deepseek_v2", {{"num_experts_per_tok", 1},
                                         {"n_routed_experts", 2},
                                         {"first_k_dense_replace", layers},
                                         {"q_lora_rank", nullptr},
                                         {"kv_lora_rank", 6},
                                         {"qk_nope_head_dim", 4},
                                         {"qk_rope_head_dim", 2},
                                         {"v_head_dim", 3}});
  d.config.update(more.is_null() ? nlohmann::json::object() : more);
  for (const char *name : {"q_proj", "k_proj", "v_proj", "o_proj"})
    d.remove(std::string("model.layers.{}.self_attn.") + name + ".weight");
  const std::string attention = "model.layers.{}.self_attn.";
  d.tensors.push_back({attention + "q_proj.weight", {4 * 6, D}});
  d.tensors.push_back({attention + "kv_a_proj_with_mqa.weight", {8, D}});
  d.tensors.push_back({attention + "kv_a_layernorm.weight", {6}});
  d.tensors.push_back({attention + "kv_b_proj.weight", {4 * 7, 6}});
  d.tensors.push_back({attention + "o_proj.weight", {D, 12}});
  return d;
}

TEST(Families, deepseek_v2) {
  ModelDescription m = describe(tinyDeepSeek());
  EXPECT_EQ(m.headSize, 6);
  EXPECT_EQ(m.latent.rank, 6);
  EXPECT_EQ(m.ropes[0].pairing, RopePairing::Interleaved);
  WeightMap &weights = m.layers[0].weights;
  // Of each head's 7 rows the first four are keys, read by columns.
  const WeightSource &keys = weights[Role::LatentKeys];
  EXPECT_TRUE(keys.transposed);
  EXPECT_EQ(std::pair(keys.rows, keys.columns),
            std::pair(int64_t(6), int64_t(4)));
  EXPECT_EQ(std::pair(keys.parts, keys.partStep),
            std::pair(int64_t(4), int64_t(7)));
  const WeightSource &values = weights[Role::LatentValues];
  EXPECT_EQ(std::pair(values.firstRow, values.rows),
            std::pair(int64_t(4), int64_t(3)));
  EXPECT_EQ(weights[Role::LatentRope].firstRow, 6);
}

TEST(Families, deepseek_v2_refused) {
  auto error = [](const nlohmann::json &more) {
    auto model = tryDescribe(tinyDeepSeek(more));
    return model ? "" : model.error().message;
  };
  EXPECT_EQ(error({{"norm_topk_prob", true}}),
            "d/config.json: norm_topk_prob is true, expected false");
  EXPECT_EQ(error({{"topk_method", "noaux_tc"}}),
            "d/config.json: topk_method is 'noaux_tc', expected greedy or "
            "group_limited_greedy");
  EXPECT_EQ(error({{"qk_rope_head_dim", 3}}),
            "d/config.json: heads of 7 columns of which 3 turn, over a latent "
            "of 6, expected even numbers of columns and some that do not turn");
  EXPECT_EQ(
      error({{"qk_nope_head_dim", 1 << 30}}),
      "d/config.json: heads of 1073741826 columns, expected at most 65536");
  EXPECT_EQ(error({{"v_head_dim", 4}}),
            "d/model.safetensors: tensor "
            "'model.layers.0.self_attn.o_proj.weight' has shape [8, 12], "
            "expected [8, 16] by the hyperparameters");
}

TinyDirectory tinyLFM2(const nlohmann::json &more = {}) {
  TinyDirectory d = tinyLlamaLike();
  d.config.update({{"model_type", "lfm2"},
                   {"conv_L_cache", 3},
                   {"block_auto_adjust_ff_dim", false},
                   {"layer_types", {"conv", "conv"}}});
  d.config.update(more.is_null() ? nlohmann::json::object() : more);
  d.tensors = {{"model.embed_tokens.weight", {V, D}},
               {"model.embedding_norm.weight", {D}}};
  const std::string layer = "model.layers.{}.";
  for (const char *norm : {"operator_norm.weight", "ffn_norm.weight"})
    d.tensors.push_back({layer + norm, {D}});
  d.tensors.push_back({layer + "conv.in_proj.weight", {3 * D, D}});
  d.tensors.push_back({layer + "conv.conv.weight", {D, 1, 3}});
  d.tensors.push_back({layer + "conv.out_proj.weight", {D, D}});
  d.tensors.push_back({layer + "feed_forward.w1.weight", {F, D}});
  d.tensors.push_back({layer + "feed_forward.w3.weight", {F, D}});
  d.tensors.push_back({layer + "feed_forward.w2.weight", {D, F}});
  return d;
}

TEST(Families, lfm2) {
  ModelDescription m = describe(tinyLFM2());
  EXPECT_EQ(m.layers[0].mixer, Mixer::ShortConv);
  WeightMap &weights = m.layers[0].weights;
  EXPECT_EQ(weights[Role::ConvGateOut].firstRow, D);
  EXPECT_EQ(weights[Role::ConvInput].firstRow, 2 * D);
  EXPECT_TRUE(weights[Role::ConvTaps].transposed);
  EXPECT_EQ(weights[Role::ConvTaps].rows, 3);
}

TEST(Families, lfm2_refused) {
  auto error = [](const nlohmann::json &more) {
    auto model = tryDescribe(tinyLFM2(more));
    return model ? "" : model.error().message;
  };
  EXPECT_EQ(error({{"conv_bias", true}}),
            "d/config.json: conv_bias is true, expected false");
  EXPECT_EQ(error({{"conv_L_cache", 1}}),
            "d/config.json: convolutions of 1 rows, expected 2 to 64");
  EXPECT_EQ(error({{"layer_types", {"conv", "mamba"}}}),
            "d/config.json: layer_types[1] is another kind, expected "
            "full_attention or conv");
}

TinyDirectory tinyMamba2(const nlohmann::json &more = {}) {
  constexpr int64_t heads = 4, head = D / 2, groups = 2, state = 3, taps = 4;
  constexpr int64_t inner = heads * head, columns = inner + 2 * groups * state;
  TinyDirectory d;
  d.config = {{"model_type", "mamba2"}, {"vocab_size", V},
              {"hidden_size", D},       {"num_hidden_layers", layers},
              {"num_heads", heads},     {"head_dim", head},
              {"n_groups", groups},     {"state_size", state},
              {"conv_kernel", taps}};
  d.config.update(more.is_null() ? nlohmann::json::object() : more);
  const std::string mixer = "backbone.layers.{}.mixer.";
  d.tensors = {{"backbone.embeddings.weight", {V, D}},
               {"backbone.norm_f.weight", {D}},
               {"lm_head.weight", {V, D}},
               {"backbone.layers.{}.norm.weight", {D}},
               {mixer + "in_proj.weight", {inner + columns + heads, D}},
               {mixer + "conv1d.weight", {columns, 1, taps}},
               {mixer + "conv1d.bias", {columns}},
               {mixer + "dt_bias", {heads}},
               {mixer + "A_log", {heads}},
               {mixer + "D", {heads}},
               {mixer + "norm.weight", {inner}},
               {mixer + "out_proj.weight", {D, inner}}};
  return d;
}

TEST(Families, mamba2) {
  ModelDescription m = describe(tinyMamba2());
  EXPECT_EQ(m.layers[0].mixer, Mixer::Scan);
  EXPECT_FALSE(m.layers[0].feedForward);
  EXPECT_EQ(m.scan.mostTime, 0);
  const int64_t inner = 2 * D;
  WeightMap &weights = m.layers[1].weights;
  EXPECT_EQ(weights[Role::ScanGate].firstRow, 0);
  EXPECT_EQ(weights[Role::ScanInput].firstRow, inner);
  EXPECT_EQ(weights[Role::ScanQuery].firstRow, 2 * inner + 6);
  EXPECT_EQ(weights[Role::ScanTime].firstRow, 2 * inner + 12);
  EXPECT_EQ(weights[Role::ScanQueryTaps].firstColumn, inner + 6);
  EXPECT_EQ(weights[Role::ScanQueryTaps].rows, 4);
  EXPECT_EQ(weights[Role::ScanQueryTaps].columns, 6);
  EXPECT_EQ(weights[Role::ScanKeyTapsBias].firstRow, inner);
  m = describe(tinyMamba2({{"time_step_limit", {0.25, nullptr}}}));
  EXPECT_EQ(m.scan.leastTime, 0.25);
  EXPECT_EQ(m.scan.mostTime, 0);
}

TEST(Families, mamba2_refused) {
  auto error = [](const nlohmann::json &more) {
    auto model = tryDescribe(tinyMamba2(more));
    return model ? "" : model.error().message;
  };
  EXPECT_EQ(error({{"use_bias", true}}),
            "d/config.json: use_bias is true, expected false");
  EXPECT_EQ(
      error({{"n_groups", 3}}),
      "d/config.json: 3 groups of keys, expected a divisor of the 4 heads");
  EXPECT_EQ(error({{"expand", 3}}),
            "d/config.json: num_heads * head_dim is 16, expected expand * "
            "hidden_size, 24");
  EXPECT_EQ(error({{"state_size", 1 << 17}}),
            "d/config.json: state_size is 131072, expected at most 65536");
  EXPECT_EQ(error({{"time_step_limit", {0.5, 0.25}}}),
            "d/config.json: time_step_limit is an array, expected two numbers, "
            "the first at least 0 and at most the second");
  EXPECT_EQ(error({{"state_size", 4}}),
            "d/model.safetensors: tensor "
            "'backbone.layers.0.mixer.in_proj.weight' has shape [48, 8], "
            "expected [52, 8] by the hyperparameters");
}

// Without experts the shared ffn is the only one.
TEST(Families, granitemoehybrid) {
  constexpr int64_t heads = 4, state = 3, taps = 4, inner = 2 * D;
  constexpr int64_t columns = inner + 2 * state;
  TinyDirectory d;
  d.config = {{"model_type", "granitemoehybrid"},
              {"vocab_size", V},
              {"hidden_size", D},
              {"num_hidden_layers", layers},
              {"num_attention_heads", 2},
              {"intermediate_size", 1},
              {"shared_intermediate_size", F},
              {"num_local_experts", 0},
              {"tie_word_embeddings", true},
              {"mamba_n_heads", heads},
              {"mamba_d_head", "auto"},
              {"mamba_d_state", state},
              {"layer_types", {"mamba", "mamba"}}};
  const std::string layer = "model.layers.{}.", mixer = layer + "mamba.";
  d.tensors = {{"model.embed_tokens.weight", {V, D}},
               {"model.norm.weight", {D}},
               {layer + "input_layernorm.weight", {D}},
               {layer + "post_attention_layernorm.weight", {D}},
               {layer + "shared_mlp.input_linear.weight", {2 * F, D}},
               {layer + "shared_mlp.output_linear.weight", {D, F}},
               {mixer + "in_proj.weight", {inner + columns + heads, D}},
               {mixer + "conv1d.weight", {columns, 1, taps}},
               {mixer + "conv1d.bias", {columns}},
               {mixer + "dt_bias", {heads}},
               {mixer + "A_log", {heads}},
               {mixer + "D", {heads}},
               {mixer + "norm.weight", {inner}},
               {mixer + "out_proj.weight", {D, inner}}};
  ModelDescription m = describe(d);
  EXPECT_EQ(m.layers[0].mixer, Mixer::Scan);
  EXPECT_TRUE(m.layers[0].feedForward);
  EXPECT_EQ(m.scan.headSize, D / 2);
  EXPECT_EQ(m.layers[0].weights[Role::Up].firstRow, F);
  d.config["layer_types"] = {"mamba", "conv"};
  EXPECT_EQ(tryDescribe(d).error().message,
            "d/config.json: layer_types[1] is another kind, expected attention "
            "or mamba");
  d.config["position_embedding_type"] = "alibi";
  EXPECT_EQ(tryDescribe(d).error().message,
            "d/config.json: position_embedding_type is 'alibi', expected rope "
            "or nope");
}

} // namespace
