//===- FamiliesGGUFTest.cpp - The same, of what GGUF files say ------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/lib/Import/TinyModels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

using namespace mica;
using namespace mica::test;

namespace {

std::vector<int64_t> windowsOf(const ModelDescription &m) {
  std::vector<int64_t> windows;
  for (const LayerDescription &layer : m.layers)
    windows.push_back(layer.window);
  return windows;
}

using Windows = std::vector<int64_t>;

GGUFWriter ggufWith(const std::string &arch) {
  GGUFWriter w = tinyGGUF(arch);
  w.integer(arch + ".rope.dimension_count", 2);
  return w;
}

Expected<ModelDescription> describe(const GGUFWriter &w, int64_t context = 0) {
  static std::string text;
  text = w.file();
  Expected<GGUF> gguf =
      GGUF::parse(MappedFile::borrow("m.gguf", asBytes(text)));
  EXPECT_TRUE(gguf) << gguf.error().message;
  Expected<Checkpoint> checkpoint = Checkpoint::fromGGUF({*gguf});
  EXPECT_TRUE(checkpoint);
  return describeModel(*checkpoint, context);
}

TEST(Families, gguf_partial_rope) {
  Expected<ModelDescription> m = describe(ggufWith("llama"));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->ropes[0].inverseFrequencies.size(), 1u);
}

// OLMo 2 and OLMo 3 have one name in GGUF; the latter has windows.
TEST(Families, gguf_olmo) {
  GGUFWriter w = tinyGGUF("olmo2");
  for (auto [name, size] : {std::pair{"attn_q_norm.weight", Q},
                            {"attn_k_norm.weight", KV},
                            {"post_attention_norm.weight", D},
                            {"post_ffw_norm.weight", D}})
    addToLayers(w, name, size);
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(windowsOf(*m), Windows({0, 0}));
  w.integer("olmo2.attention.sliding_window", 7);
  w.raw("olmo2.attention.sliding_window_pattern", 9,
        Bytes()
            .put(uint32_t(7))
            .put(uint64_t(2))
            .put(uint8_t(0))
            .put(uint8_t(1)));
  w.number("olmo2.rope.scaling.factor", 2);
  w.text("olmo2.rope.scaling.type", "linear");
  m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(windowsOf(*m), Windows({0, 7}));
  EXPECT_EQ(m->ropes[m->layers[0].rope].inverseFrequencies[0], 0.5f);
  EXPECT_EQ(m->ropes[m->layers[1].rope].inverseFrequencies[0], 1);
  w.number("olmo2.rope.freq_base_swa", 16);
  m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->ropes[m->layers[1].rope].inverseFrequencies[1], 0.25f);
}

TEST(Families, gguf_yarn) {
  GGUFWriter w = ggufWith("qwen2");
  for (auto [name, size] :
       {std::pair{"attn_q.bias", Q}, {"attn_k.bias", KV}, {"attn_v.bias", KV}})
    addToLayers(w, name, size);
  w.text("qwen2.rope.scaling.type", "yarn");
  w.number("qwen2.rope.scaling.factor", 4);
  w.integer("qwen2.rope.scaling.original_context_length", 16);
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_FLOAT_EQ(m->ropes[0].scale, float(0.1 * std::log(4.0) + 1));
  // As OLMo 3's files say it: all of the factor, not what comes on top.
  w.number("qwen2.rope.scaling.yarn_attn_factor", 1.5f);
  EXPECT_EQ(describe(w)->ropes[0].scale, 1.5f);
  w.number("qwen2.rope.scaling.attn_factor", 0.5f);
  EXPECT_EQ(describe(w)->ropes[0].scale, 0.75f);
  w.number("qwen2.rope.scaling.yarn_ext_factor", 0.5f);
  EXPECT_EQ(describe(w).error().message,
            "m.gguf: metadata 'qwen2.rope.scaling.yarn_ext_factor' is not 1, "
            "expected 1");
}

TEST(Families, gguf_yarn_mscale) {
  GGUFWriter w = ggufWith("llama");
  w.text("llama.rope.scaling.type", "yarn");
  w.number("llama.rope.scaling.factor", 4);
  w.integer("llama.rope.scaling.original_context_length", 16);
  w.number("llama.rope.scaling.yarn_log_multiplier", 0.5f);
  Expected<ModelDescription> m = describe(w);
  ASSERT_TRUE(m) << m.error().message;
  double log = 0.1 * std::log(4.0);
  EXPECT_FLOAT_EQ(m->ropes[0].scale, float((log + 1) / (log * 0.5 + 1)));
}

TEST(Families, gguf_long_factors) {
  GGUFWriter w = ggufWith("llama");
  w.integer("llama.rope.scaling.original_context_length", 16);
  w.number("llama.rope.scaling.attn_factor", 1.25f);
  w.floats("rope_factors_long.weight", {1});
  for (int64_t context : {0, 17}) {
    Expected<ModelDescription> m = describe(w, context);
    ASSERT_TRUE(m) << m.error().message;
    EXPECT_FLOAT_EQ(m->ropes[0].inverseFrequencies[0],
                    1 / std::bit_cast<float>(0x3c3c3c3c));
    EXPECT_EQ(m->ropes[0].scale, 1.25f);
  }
  Expected<ModelDescription> m = describe(w, 16);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->ropes[0].inverseFrequencies[0], 1);
}

// Layers may have kv-heads of their own; those of LFM2 without any convolve.
TEST(Families, gguf_kv_heads_of_layers) {
  auto described = [](const char *arch, std::array<int32_t, 2> heads) {
    GGUFWriter w = tinyGGUF(arch, heads);
    w.floats("blk.0.shortconv.in_proj.weight", {3 * D, D});
    w.floats("blk.0.shortconv.conv.weight", {D, 3});
    w.floats("blk.0.shortconv.out_proj.weight", {D, D});
    addToLayers(w, "attn_q_norm.weight", headSize);
    addToLayers(w, "attn_k_norm.weight", headSize);
    w.floats("token_embd_norm.weight", {D});
    return describe(w);
  };
  Expected<ModelDescription> m = described("lfm2", {0, 2});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->layers[0].mixer, Mixer::ShortConv);
  EXPECT_EQ(m->layers[1].mixer, Mixer::Attention);
  EXPECT_EQ(m->kvHeads, 2);
  EXPECT_EQ(m->layers[0].weights[Role::ConvInput].firstRow, 2 * D);
  EXPECT_EQ(m->weights[Role::FinalNorm].tensor, "token_embd_norm.weight");
  m = described("llama", {2, 2});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->kvHeads, 2);
  EXPECT_EQ(described("llama", {0, 2}).error().message,
            "m.gguf: metadata 'llama.attention.head_count_kv' is 0 for layer "
            "0, expected 2");
  EXPECT_EQ(described("lfm2", {0, -2}).error().message,
            "m.gguf: metadata 'lfm2.attention.head_count_kv' does not fit the "
            "layers, expected 2 integers from 0 to 2147483647");
}

// Mamba-2: decays as rates, vectors as rows that follow each other.
TEST(Families, gguf_scan) {
  auto described = [](int64_t inner) {
    GGUFWriter w;
    w.text("general.architecture", "mamba2");
    for (auto [key, value] : {std::pair{"embedding_length", D},
                              {"block_count", int64_t(1)},
                              {"ssm.conv_kernel", int64_t(3)},
                              {"ssm.inner_size", inner},
                              {"ssm.state_size", int64_t(5)},
                              {"ssm.time_step_rank", int64_t(4)},
                              {"ssm.group_count", int64_t(2)}})
      w.integer(std::string("mamba2.") + key, value);
    w.floats("token_embd.weight", {V, D});
    w.floats("output_norm.weight", {D});
    w.floats("blk.0.attn_norm.weight", {D});
    w.floats("blk.0.ssm_in.weight", {2 * 16 + 20 + 4, D});
    w.floats("blk.0.ssm_conv1d.weight", {16 + 20, 3});
    w.floats("blk.0.ssm_dt.bias", {4});
    w.floats("blk.0.ssm_a", {4, 1});
    w.floats("blk.0.ssm_d", {4, 1});
    w.floats("blk.0.ssm_norm.weight", {2, 8});
    w.floats("blk.0.ssm_out.weight", {D, 16});
    return describe(w);
  };
  Expected<ModelDescription> m = described(16);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_TRUE(m->scan.rates);
  EXPECT_FALSE(m->scan.convBias);
  EXPECT_EQ(m->scan.headSize, 4);
  EXPECT_EQ(m->layers[0].weights[Role::ScanTime].firstRow, 2 * 16 + 20);
  EXPECT_EQ(described(18).error().message,
            "m.gguf: 18 columns of a scan, expected a multiple of the 4 heads");
  EXPECT_EQ(described(20).error().message,
            "m.gguf: tensor 'blk.0.ssm_in.weight' has shape [56, 8], expected "
            "[64, 8] by the hyperparameters");
}

TEST(Families, gguf_experts_refused) {
  auto error =
      [](std::initializer_list<std::pair<const char *, int>> settings) {
        GGUFWriter w = tinyGGUF("glm4moe");
        for (auto [key, value] : std::map<std::string, int>{
                 {"expert_count", 8}, {"expert_used_count", 2}})
          if (std::ranges::none_of(settings,
                                   [&](auto &s) { return s.first == key; }))
            w.integer("glm4moe." + key, value);
        for (auto [key, value] : settings)
          w.integer(std::string("glm4moe.") + key, value);
        return describe(w).error().message;
      };
  EXPECT_EQ(error({{"nextn_predict_layers", 2}}),
            "m.gguf: 2 layers of predictions among 2, expected fewer");
  EXPECT_EQ(error({{"expert_gating_func", 3}}),
            "m.gguf: metadata 'glm4moe.expert_gating_func' is 3, expected 1 or "
            "2");
  EXPECT_EQ(error({{"expert_used_count", 9}}),
            "m.gguf: 9 experts for a token, expected 1 to the 8 that there "
            "are");
  EXPECT_EQ(error({{"expert_group_count", 3}}),
            "m.gguf: 3 groups of 8 experts, 1 at the top, expected groups of "
            "one size that hold 2 or more");
  EXPECT_EQ(error({}), "m.gguf: tensor 'blk.0.ffn_gate_inp.weight' missing, "
                       "expected for the router");
}

} // namespace
