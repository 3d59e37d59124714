//===- Granite.cpp - Granite 3, dense -------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32});
  readBiases(in, model);
  model.activation = readActivation(in, "hidden_act", "silu");
  useRope(model, ropeTable(readRope(in, model, {})));
  readGraniteFactors(in, model);
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
