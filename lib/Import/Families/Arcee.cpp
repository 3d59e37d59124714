//===- Arcee.cpp - Arcee's AFM, dense -------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// A Llama whose ffn has no gate.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32, .eps = 1e-5, .context = 4096});
  readBiases(in, model);
  model.gated = false;
  model.activation = readActivation(in, "hidden_act", "relu2");
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view names[] = {"arcee"};

constinit const Family mica::familyArcee = {
    .name = "arcee",
    .ggufNames = names,
    .configNames = names,
    .gguf = {pairedGGUFNames, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
