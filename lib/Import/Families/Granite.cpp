//===- Granite.cpp - Granite 3, dense -------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// A Llama whose embeddings, scores, residuals and logits have factors.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32});
  readBiases(in, model);
  model.activation = readActivation(in, "hidden_act", "silu");
  useRope(model, ropeTable(readRope(in, model, {})));

  auto factor = [&](Hyperparameters::Key key) {
    return in.has(key) ? in.positive(key) : 1;
  };
  model.embeddingScale = factor({"embedding_scale", "embedding_multiplier"});
  model.residualScale = factor({"residual_scale", "residual_multiplier"});
  model.logitScale = 1 / factor({"logit_scale", "logits_scaling"});
  Hyperparameters::Key scale = {"attention.scale", "attention_multiplier"};
  for (LayerDescription &layer : model.layers)
    if (in.has(scale) || !in.isGGUF())
      layer.attentionScale = factor(scale);
}

static constexpr std::string_view names[] = {"granite"};

constinit const Family mica::familyGranite = {
    .name = "granite",
    .ggufNames = names,
    .configNames = names,
    .gguf = {pairedGGUFNames, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
