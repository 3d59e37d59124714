//===- Qwen3MoE.cpp - Qwen3 with experts ----------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <nlohmann/json.hpp>

using namespace mica;

/// `mlp_only_layers` are dense, and all but every `decoder_sparse_step`-th.
static void readDenseLayers(Hyperparameters &in, ModelDescription &model) {
  int64_t step = in.size({"", "decoder_sparse_step"}, 1);
  const nlohmann::json &dense = in.json("mlp_only_layers");
  for (size_t i = 0; i < model.layers.size(); ++i) {
    bool named = false;
    for (const nlohmann::json &layer : dense)
      named |= layer == i;
    model.layers[i].experts = (i + 1) % step == 0 && !named;
  }
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.headSize = 128, .context = 32768});
  readBiases(in, model);
  model.qkNorms = QKNorms::Head;
  model.activation = readActivation(in, "hidden_act", "silu");
  readQwenWindows(in, model);
  // GGUF's converter keeps no `norm_topk_prob`: all published models have it.
  readExperts(in, model, {.normalize = in.isGGUF()});
  if (!in.isGGUF())
    readDenseLayers(in, model);
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view ggufNamesOfFamily[] = {"qwen3moe"};
static constexpr std::string_view configNames[] = {"qwen3_moe"};

constinit const Family mica::familyQwen3MoE = {
    .name = "qwen3_moe",
    .ggufNames = ggufNamesOfFamily,
    .configNames = configNames,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
