//===- Gemma.cpp - Gemma, of the first generation -------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model,
             {.heads = 16,
              .headSize = 256,
              .vocabulary = 256000,
              .context = 8192,
              .tied = true});
  readBiases(in, model);
  in.require("use_bidirectional_attention", false);
  // GGUF's converter has already added 1.
  model.normOffset = in.isGGUF() ? 0 : 1;
  // Published files say "gelu" and mean the tanh form.
  model.activation = readActivation(in, "hidden_act", "gelu_pytorch_tanh");
  if (model.activation == Activation::Gelu)
    model.activation = Activation::GeluTanh;
  model.embeddingScale = std::sqrt(float(model.width));
  useRope(model, ropeTable(readRope(in, model, {})));
}

static constexpr std::string_view names[] = {"gemma"};

constinit const Family mica::familyGemma = {
    .name = "gemma",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
