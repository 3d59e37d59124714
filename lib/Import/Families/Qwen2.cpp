//===- Qwen2.cpp - Qwen2, dense -------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.context = 32768});
  model.qkvBias = true;
  model.activation = readActivation(in, "hidden_act", "silu");
  readQwenWindows(in, model);
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view names[] = {"qwen2"};

constinit const Family mica::familyQwen2 = {
    .name = "qwen2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
