//===- Llama.cpp - Llama 2 and 3 ------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {});
  readBiases(in, model);
  model.activation = readActivation(in, "hidden_act", "silu");
  // GGUF files of Mixtral say "llama".
  if (in.count({"expert_count", ""}, 0))
    readExperts(in, model, {.normalize = true});
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view names[] = {"llama"};

constinit const Family mica::familyLlama = {
    .name = "llama",
    .ggufNames = names,
    .configNames = names,
    .gguf = {pairedGGUFNames, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
