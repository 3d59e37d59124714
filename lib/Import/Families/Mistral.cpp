//===- Mistral.cpp - Mistral and Ministral --------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32, .kvHeads = 8, .context = 131072});
  model.activation = readActivation(in, "hidden_act", "silu");
  // Ministral says in `layer_types` which layers have the window.
  readWindows(in, model, 4096, everyLayer);
  useRope(model, ropeTable(readRope(in, model, {})));
}

// GGUF files of Mistral say "llama".
static constexpr std::string_view names[] = {"mistral", "ministral"};

constinit const Family mica::familyMistral = {
    .name = "mistral",
    .ggufNames = {},
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
