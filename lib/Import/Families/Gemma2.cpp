//===- Gemma2.cpp - Gemma 2 -----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

/// A soft-cap: `fallback` where no setting says, 0 where null says none.
static double readCap(Hyperparameters &in, std::string_view key,
                      double fallback) {
  if (in.saysNone(key))
    return 0;
  return in.has({key, key}) ? in.positive({key, key}) : fallback;
}

/// What attention scores are divided by the root of.
static double readScoreDivisor(Hyperparameters &in,
                               const ModelDescription &model) {
  if (!in.isGGUF())
    return double(in.size({"", "query_pre_attn_scalar"}, 256));
  // GGUF files do not say; the largest model (27B) is the one that differs.
  return model.layers.size() == 46 ? double(model.width / model.heads)
                                   : double(model.headSize);
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model,
             {.heads = 8,
              .kvHeads = 4,
              .headSize = 256,
              .vocabulary = 256000,
              .context = 8192,
              .tied = true});
  readBiases(in, model);
  in.require("use_bidirectional_attention", false);
  // GGUF's converter has already added 1.
  model.normOffset = in.isGGUF() ? 0 : 1;
  model.postNorms = true;
  model.activation =
      readActivation(in, "hidden_activation", "gelu_pytorch_tanh");
  model.embeddingScale = std::sqrt(float(model.width));
  model.attentionSoftcap = readCap(in, "attn_logit_softcapping", 50);
  model.finalSoftcap = readCap(in, "final_logit_softcapping", 30);
  readWindows(in, model, 4096, [](int64_t layer) { return layer % 2 == 0; });
  useRope(model, ropeTable(readRope(in, model, {})));
  for (LayerDescription &layer : model.layers)
    layer.attentionScale = std::pow(readScoreDivisor(in, model), -0.5);
}

static constexpr TensorPattern configPatterns[] = {
    {Role::PostAttentionNorm, "layers.{}.post_attention_layernorm.weight"},
    {Role::FfnNorm, "layers.{}.pre_feedforward_layernorm.weight"},
    {Role::PostFfnNorm, "layers.{}.post_feedforward_layernorm.weight"},
};

static constexpr std::string_view names[] = {"gemma2"};

constinit const Family mica::familyGemma2 = {
    .name = "gemma2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
