//===- StarCoder2.cpp - StarCoder2 ----------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model,
             {.heads = 24,
              .kvHeads = 2,
              .eps = 1e-5,
              .context = 4096,
              .tied = true,
              .epsKey = {"attention.layer_norm_epsilon", "norm_epsilon"}});
  model.norm = NormKind::Layer;
  model.gated = false;
  model.activation = readActivation(in, "hidden_act", "gelu_pytorch_tanh");
  readBiases(in, model);
  if (!in.isGGUF())
    model.qkvBias = model.attentionOutputBias = model.ffnBias =
        in.flag({"", "use_bias"}, true);
  readWindows(in, model, 0, everyLayer);
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr TensorPattern configPatterns[] = {
    {Role::Up, "layers.{}.mlp.c_fc.weight"},
    {Role::UpBias, "layers.{}.mlp.c_fc.bias"},
    {Role::Down, "layers.{}.mlp.c_proj.weight"},
    {Role::DownBias, "layers.{}.mlp.c_proj.bias"},
};

static constexpr std::string_view names[] = {"starcoder2"};

constinit const Family mica::familyStarCoder2 = {
    .name = "starcoder2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
