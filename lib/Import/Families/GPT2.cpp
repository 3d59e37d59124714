//===- GPT2.cpp - GPT-2 ---------------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

static void readSizes(Hyperparameters &in, ModelDescription &model) {
  model.width = in.size({"embedding_length", "n_embd"});
  model.heads = in.size({"attention.head_count", "n_head"});
  model.kvHeads = model.heads;
  model.headSize = model.width / model.heads;
  if (model.headSize * model.heads != model.width)
    in.fail("width is " + std::to_string(model.width) +
            ", expected a multiple of the " + std::to_string(model.heads) +
            " heads");
  model.ffnWidth = in.size({"feed_forward_length", "n_inner"}, 4 * model.width);
  model.maxContext = in.size({"context_length", "n_positions"}, 1024);
  makeLayers(in, model, in.size({"block_count", "n_layer"}));
  readVocabulary(in, model, 50257, /*tied=*/true);
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readSizes(in, model);
  in.require("add_cross_attention", false);
  model.norm = NormKind::Layer;
  model.normEps =
      in.number({"attention.layer_norm_epsilon", "layer_norm_epsilon"}, 1e-5);
  model.learnedPositions = true;
  model.gated = false;
  model.activation = readActivation(in, "activation_function", "gelu_new");
  model.qkvBias = model.attentionOutputBias = model.ffnBias = true;

  bool scaled = in.flag({"", "scale_attn_weights"}, true);
  bool byLayer = in.flag({"", "scale_attn_by_inverse_layer_idx"}, false);
  double scale = scaled ? std::pow(double(model.headSize), -0.5) : 1;
  for (size_t i = 0; i < model.layers.size(); ++i)
    model.layers[i].attentionScale = byLayer ? scale / double(i + 1) : scale;
}

/// A Conv1D's weight: [inputs, outputs].
static constexpr TensorPattern conv(Role role, std::string_view name,
                                    Fused fused = Fused::None) {
  return {.role = role, .name = name, .transposed = true, .fused = fused};
}

static constexpr TensorPattern configPatterns[] = {
    {Role::TokenEmbedding, "wte.weight"},
    {Role::PositionEmbedding, "wpe.weight"},
    {Role::AttentionNorm, "h.{}.ln_1.weight"},
    {Role::AttentionNormBias, "h.{}.ln_1.bias"},
    conv(Role::Query, "h.{}.attn.c_attn.weight", Fused::QueryKeyValue),
    conv(Role::Key, "h.{}.attn.c_attn.weight", Fused::QueryKeyValue),
    conv(Role::Value, "h.{}.attn.c_attn.weight", Fused::QueryKeyValue),
    {.role = Role::QueryBias,
     .name = "h.{}.attn.c_attn.bias",
     .fused = Fused::QueryKeyValue},
    {.role = Role::KeyBias,
     .name = "h.{}.attn.c_attn.bias",
     .fused = Fused::QueryKeyValue},
    {.role = Role::ValueBias,
     .name = "h.{}.attn.c_attn.bias",
     .fused = Fused::QueryKeyValue},
    conv(Role::AttentionOutput, "h.{}.attn.c_proj.weight"),
    {Role::AttentionOutputBias, "h.{}.attn.c_proj.bias"},
    {Role::FfnNorm, "h.{}.ln_2.weight"},
    {Role::FfnNormBias, "h.{}.ln_2.bias"},
    conv(Role::Up, "h.{}.mlp.c_fc.weight"),
    {Role::UpBias, "h.{}.mlp.c_fc.bias"},
    conv(Role::Down, "h.{}.mlp.c_proj.weight"),
    {Role::DownBias, "h.{}.mlp.c_proj.bias"},
    {Role::FinalNorm, "ln_f.weight"},
    {Role::FinalNormBias, "ln_f.bias"},
    {Role::Output, "lm_head.weight"},
};

static constexpr std::string_view names[] = {"gpt2"};
static constexpr std::string_view prefixes[] = {"transformer.", ""};
// Masks that older checkpoints store.
static constexpr std::string_view ignored[] = {"*.attn.bias",
                                               "*.attn.masked_bias"};

constinit const Family mica::familyGPT2 = {
    .name = "gpt2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {fusedGGUFNames, ggufNames, noPrefix, {}},
    .config = {configPatterns, {}, prefixes, ignored},
    .read = read,
};
