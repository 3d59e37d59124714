//===- MiniMaxM2.cpp - MiniMax-M2 -----------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// Queries and keys are normalised over whole rows; rope turns the first
/// `rotary_dim` columns of a head.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.headSize = 128, .context = 196608});
  model.qkNorms = QKNorms::Row;
  model.activation = readActivation(in, "hidden_act", "silu");
  readExperts(
      in, model,
      {.width = "intermediate_size", .normalize = true, .sigmoid = true});
  double turned = in.size({"", "rotary_dim"}, model.headSize);
  useRope(model, ropeTable(readRope(
                     in, model,
                     {.theta = 5000000, .partial = turned / model.headSize})));
}

static constexpr TensorPattern configPatterns[] = {
    {Role::Router, "layers.{}.block_sparse_moe.gate.weight"},
    {Role::RouterBias, "layers.{}.block_sparse_moe.e_score_correction_bias"},
    {Role::ExpertGate, "layers.{}.block_sparse_moe.experts.{}.w1.weight"},
    {Role::ExpertUp, "layers.{}.block_sparse_moe.experts.{}.w3.weight"},
    {Role::ExpertDown, "layers.{}.block_sparse_moe.experts.{}.w2.weight"},
};

static constexpr std::string_view ggufArchitectures[] = {"minimax-m2"};
static constexpr std::string_view configNames[] = {"minimax_m2"};

constinit const Family mica::familyMiniMaxM2 = {
    .name = "minimax_m2",
    .ggufNames = ggufArchitectures,
    .configNames = configNames,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
