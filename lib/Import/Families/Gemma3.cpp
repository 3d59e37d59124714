//===- Gemma3.cpp - Gemma 3, text only ------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

/// Of every six layers, the first five have a window, unless the checkpoint
/// says otherwise.
static void readPattern(Hyperparameters &in, ModelDescription &model) {
  Hyperparameters::Key period = {"attention.sliding_window_pattern",
                                 "sliding_window_pattern"};
  // GGUF: no setting, no windows.
  readWindows(in, model, in.isGGUF() ? 0 : 4096, [&](int64_t layer) {
    return (layer + 1) % in.size(period, 6) != 0;
  });
}

/// Layers with a window have a rope of their own, never scaled.
static void readRopes(Hyperparameters &in, ModelDescription &model) {
  RopeTable full =
      ropeTable(readRope(in, model, {.theta = 1e6}, "full_attention"));
  RopeSettings sliding;
  sliding.columns = model.headSize / 2 * 2;
  if (in.isGGUF())
    sliding.theta = in.number({"rope.freq_base_swa", ""}, 10000);
  else
    sliding = readRope(in, model, {.thetaKey = "rope_local_base_freq"},
                       "sliding_attention");
  for (LayerDescription &layer : model.layers)
    layer.rope = addRope(model, layer.window ? ropeTable(sliding) : full);
}

/// What attention scores are divided by the root of.
static double readScoreDivisor(Hyperparameters &in,
                               const ModelDescription &model) {
  if (!in.isGGUF())
    return in.number({"", "query_pre_attn_scalar"}, 256);
  // GGUF files do not say; the largest model (27B) is the one that differs.
  return model.layers.size() == 62 ? double(model.width / model.heads)
                                   : double(model.headSize);
}

static void read(Hyperparameters &in, ModelDescription &model) {
  in.enter("text_config");
  readCommon(in, model,
             {.heads = 8,
              .kvHeads = 4,
              .headSize = 256,
              .vocabulary = 262208,
              .context = 131072,
              .tied = true});
  readBiases(in, model);
  in.require("use_bidirectional_attention", false);
  if (in.has({"", "attn_logit_softcapping"}))
    model.warnings.push_back(in.checkpoint().configPath() +
                             ": attn_logit_softcapping has no effect in "
                             "gemma3, expected none");
  // GGUF's converter has already added 1.
  model.normOffset = in.isGGUF() ? 0 : 1;
  model.postNorms = true;
  model.qkNorms = QKNorms::Head;
  model.activation =
      readActivation(in, "hidden_activation", "gelu_pytorch_tanh");
  model.embeddingScale = std::sqrt(float(model.width));
  model.finalSoftcap =
      in.positive({"final_logit_softcapping", "final_logit_softcapping"});
  readPattern(in, model);
  readRopes(in, model);
  double scale = std::pow(readScoreDivisor(in, model), -0.5);
  if (in.has({"attention.scale", ""}))
    scale = in.positive({"attention.scale", ""});
  if (!std::isfinite(scale) || scale <= 0)
    in.fail("query_pre_attn_scalar is not above 0, expected a number above 0");
  for (LayerDescription &layer : model.layers)
    layer.attentionScale = scale;
}

static constexpr TensorPattern configPatterns[] = {
    {Role::PostAttentionNorm, "layers.{}.post_attention_layernorm.weight"},
    {Role::FfnNorm, "layers.{}.pre_feedforward_layernorm.weight"},
    {Role::PostFfnNorm, "layers.{}.post_feedforward_layernorm.weight"},
};

static constexpr std::string_view architectures[] = {"gemma3"};
static constexpr std::string_view configNames[] = {"gemma3_text", "gemma3"};
static constexpr std::string_view prefixes[] = {
    "model.", "", "model.language_model.", "language_model.model."};
// The vision half of the larger models is not compiled.
static constexpr std::string_view ignored[] = {
    "*.rotary_emb.inv_freq", "vision_tower.*", "multi_modal_projector.*",
    "model.vision_tower.*", "model.multi_modal_projector.*"};

constinit const Family mica::familyGemma3 = {
    .name = "gemma3",
    .ggufNames = architectures,
    .configNames = configNames,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {configPatterns, llamaLikeConfigNames, prefixes, ignored},
    .read = read,
};
