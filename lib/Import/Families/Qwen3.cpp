//===- Qwen3.cpp - Qwen3, dense -------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.headSize = 128, .context = 32768});
  readBiases(in, model);
  model.qkNorms = QKNorms::Head;
  model.activation = readActivation(in, "hidden_act", "silu");
  readQwenWindows(in, model);
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view names[] = {"qwen3"};

constinit const Family mica::familyQwen3 = {
    .name = "qwen3",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
