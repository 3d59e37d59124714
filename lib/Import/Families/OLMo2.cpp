//===- OLMo2.cpp - OLMo 2 -------------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// Norms stand behind attention and ffn, and before rope over whole rows of
/// queries and keys.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.eps = 1e-5});
  readBiases(in, model);
  model.preNorms = false;
  model.postNorms = true;
  model.qkNorms = QKNorms::Row;
  model.activation = readActivation(in, "hidden_act", "silu");
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr TensorPattern configPatterns[] = {
    {Role::PostAttentionNorm, "layers.{}.post_attention_layernorm.weight"},
    {Role::PostFfnNorm, "layers.{}.post_feedforward_layernorm.weight"},
};

static constexpr std::string_view names[] = {"olmo2"};

constinit const Family mica::familyOLMo2 = {
    .name = "olmo2",
    .ggufNames = {}, // see OLMo3.cpp
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
