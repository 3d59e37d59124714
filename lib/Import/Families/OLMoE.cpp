//===- OLMoE.cpp - OLMoE --------------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// Queries and keys are normalised over whole rows.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.eps = 1e-5, .context = 4096});
  readBiases(in, model);
  in.require("clip_qkv", nullptr);
  model.qkNorms = QKNorms::Row;
  model.activation = readActivation(in, "hidden_act", "silu");
  readExperts(in, model, {.width = "intermediate_size"});
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view names[] = {"olmoe"};

constinit const Family mica::familyOLMoE = {
    .name = "olmoe",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
