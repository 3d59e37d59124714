//===- Mixtral.cpp - Mixtral ----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32, .kvHeads = 8, .context = 131072});
  model.activation = readActivation(in, "hidden_act", "silu");
  readWindows(in, model, 0, everyLayer);
  readExperts(in, model, {.width = "intermediate_size", .normalize = true});
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr TensorPattern configPatterns[] = {
    {Role::Router, "layers.{}.block_sparse_moe.gate.weight"},
    {Role::ExpertGate, "layers.{}.block_sparse_moe.experts.{}.w1.weight"},
    {Role::ExpertUp, "layers.{}.block_sparse_moe.experts.{}.w3.weight"},
    {Role::ExpertDown, "layers.{}.block_sparse_moe.experts.{}.w2.weight"},
};

static constexpr std::string_view names[] = {"mixtral"};

constinit const Family mica::familyMixtral = {
    .name = "mixtral",
    .ggufNames = {}, // see Llama.cpp
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
