//===- OLMo3.cpp - OLMo 3 -------------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// Of every four layers, the first three have a window, unless the checkpoint
/// says otherwise. GGUF: no setting, no windows, which is OLMo 2.
static void readPattern(Hyperparameters &in, ModelDescription &model) {
  if (in.saysNone("sliding_window"))
    in.fail("sliding_window is null, expected a number");
  readWindows(in, model, in.isGGUF() ? 0 : 4096,
              [](int64_t layer) { return (layer + 1) % 4 != 0; });
}

/// Layers with a window have a rope of their own. Where only one is set, what
/// stretches it is not for them.
static void readRopes(Hyperparameters &in, ModelDescription &model) {
  constexpr double theta = 500000;
  if (in.json("rope_parameters").contains("rope_type"))
    in.fail("rope_parameters is one rope, expected full_attention and "
            "sliding_attention within it");
  RopeSettings full = readRope(
      in, model, {.theta = in.isGGUF() ? 10000 : theta}, "full_attention");
  RopeSettings sliding;
  sliding.columns = full.columns;
  if (in.isGGUF())
    sliding.theta = in.number({"rope.freq_base_swa", ""}, full.theta);
  else
    sliding =
        readRope(in, model, {.theta = in.number({"", "rope_theta"}, theta)},
                 "sliding_attention");
  useRope(model, ropeTable(full));
  for (LayerDescription &layer : model.layers)
    if (layer.window)
      layer.rope = addRope(model, ropeTable(sliding));
}

/// OLMo 2 with windows.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.eps = 1e-5});
  readBiases(in, model);
  model.preNorms = false;
  model.postNorms = true;
  model.qkNorms = QKNorms::Row;
  model.activation = readActivation(in, "hidden_act", "silu");
  readPattern(in, model);
  readRopes(in, model);
}

static constexpr TensorPattern configPatterns[] = {
    {Role::PostAttentionNorm, "layers.{}.post_attention_layernorm.weight"},
    {Role::PostFfnNorm, "layers.{}.post_feedforward_layernorm.weight"},
};

// GGUF files of OLMo 2 and of OLMo 3 have one name.
static constexpr std::string_view architectures[] = {"olmo2"};
static constexpr std::string_view configNames[] = {"olmo3"};

constinit const Family mica::familyOLMo3 = {
    .name = "olmo3",
    .ggufNames = architectures,
    .configNames = configNames,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
