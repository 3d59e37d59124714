//===- GptOss.cpp - gpt-oss -----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// Every second layer has a window, every head a sink.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.headSize = 64, .eps = 1e-5, .context = 131072});
  bool biased = in.flag({"", "attention_bias"}, true);
  model.qkvBias = model.attentionOutputBias = biased;
  model.attentionSinks = true;
  readWindows(in, model, 128, [](int64_t layer) { return layer % 2 == 0; });
  readExperts(in, model, {.width = "intermediate_size", .normalize = true});
  model.experts.biases = true;
  model.experts.limit = in.number({"", "swiglu_limit"}, 7);
  model.experts.alpha = in.number({"", "swiglu_alpha"}, 1.702);
  useRope(model, ropeTable(readRope(in, model, {.theta = 150000})));
}

static constexpr TensorPattern ggufPatterns[] = {
    {Role::FfnNorm, "blk.{}.post_attention_norm.weight"},
};

// Matrices of experts are stored by columns, gate and up alternating.
static constexpr TensorPattern configPatterns[] = {
    {Role::AttentionSinks, "layers.{}.self_attn.sinks"},
    {Role::Router, "layers.{}.mlp.router.weight"},
    {Role::RouterLogitBias, "layers.{}.mlp.router.bias"},
    {.role = Role::ExpertGate,
     .name = "layers.{}.mlp.experts.gate_up_proj",
     .transposed = true,
     .fused = Fused::Alternating},
    {.role = Role::ExpertUp,
     .name = "layers.{}.mlp.experts.gate_up_proj",
     .transposed = true,
     .fused = Fused::Alternating},
    {.role = Role::ExpertGateBias,
     .name = "layers.{}.mlp.experts.gate_up_proj_bias",
     .fused = Fused::Alternating},
    {.role = Role::ExpertUpBias,
     .name = "layers.{}.mlp.experts.gate_up_proj_bias",
     .fused = Fused::Alternating},
    {.role = Role::ExpertDown,
     .name = "layers.{}.mlp.experts.down_proj",
     .transposed = true},
    {Role::ExpertDownBias, "layers.{}.mlp.experts.down_proj_bias"},
};

static constexpr std::string_view ggufArchitectures[] = {"gpt-oss"};
static constexpr std::string_view configNames[] = {"gpt_oss"};

constinit const Family mica::familyGptOss = {
    .name = "gpt_oss",
    .ggufNames = ggufArchitectures,
    .configNames = configNames,
    .gguf = {ggufPatterns, ggufNames, noPrefix, ropeFactors},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
