//===- GPTNeoX.cpp - GPT-NeoX and Pythia ----------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.eps = 1e-5, .epsKey = layerNormEps});
  // It knows no groups; transformers ignores a number of kv-heads too.
  model.kvHeads = model.heads;
  model.norm = NormKind::Layer;
  if (in.flag({"use_parallel_residual", "use_parallel_residual"}, true))
    model.residual = Residual::Parallel;
  model.gated = false;
  model.activation = readActivation(in, "hidden_act", "gelu");
  model.qkvBias = model.attentionOutputBias =
      in.flag({"", "attention_bias"}, true);
  model.ffnBias = true;
  useRope(model, ropeTable(readRope(in, model,
                                    {.partial = 0.25,
                                     .thetaKey = "rotary_emb_base",
                                     .partialKey = "rotary_pct"})));
}

static constexpr TensorPattern heads(Role role, std::string_view name) {
  return {.role = role, .name = name, .fused = Fused::HeadsOfEach};
}

static constexpr TensorPattern configPatterns[] = {
    {Role::TokenEmbedding, "embed_in.weight"},
    {Role::AttentionNorm, "layers.{}.input_layernorm.weight"},
    {Role::AttentionNormBias, "layers.{}.input_layernorm.bias"},
    heads(Role::Query, "layers.{}.attention.query_key_value.weight"),
    heads(Role::Key, "layers.{}.attention.query_key_value.weight"),
    heads(Role::Value, "layers.{}.attention.query_key_value.weight"),
    heads(Role::QueryBias, "layers.{}.attention.query_key_value.bias"),
    heads(Role::KeyBias, "layers.{}.attention.query_key_value.bias"),
    heads(Role::ValueBias, "layers.{}.attention.query_key_value.bias"),
    {Role::AttentionOutput, "layers.{}.attention.dense.weight"},
    {Role::AttentionOutputBias, "layers.{}.attention.dense.bias"},
    {Role::FfnNorm, "layers.{}.post_attention_layernorm.weight"},
    {Role::FfnNormBias, "layers.{}.post_attention_layernorm.bias"},
    {Role::Up, "layers.{}.mlp.dense_h_to_4h.weight"},
    {Role::UpBias, "layers.{}.mlp.dense_h_to_4h.bias"},
    {Role::Down, "layers.{}.mlp.dense_4h_to_h.weight"},
    {Role::DownBias, "layers.{}.mlp.dense_4h_to_h.bias"},
    {Role::FinalNorm, "final_layer_norm.weight"},
    {Role::FinalNormBias, "final_layer_norm.bias"},
    {Role::Output, "embed_out.weight"},
    {Role::Output, "lm_head.weight"}, // as `transformers` writes it today
};

static constexpr std::string_view architectures[] = {"gptneox"};
static constexpr std::string_view modelTypes[] = {"gpt_neox"};
static constexpr std::string_view prefixes[] = {"gpt_neox.", ""};
// Masks that older checkpoints store.
static constexpr std::string_view ignored[] = {
    "*.attention.bias", "*.attention.masked_bias", "*.rotary_emb.inv_freq"};

constinit const Family mica::familyGPTNeoX = {
    .name = "gpt_neox",
    .ggufNames = architectures,
    .configNames = modelTypes,
    .gguf = {fusedGGUFNames, ggufNames, noPrefix, {}},
    .config = {configPatterns, {}, prefixes, ignored},
    .read = read,
};
