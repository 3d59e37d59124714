//===- Cohere.cpp - Command R ---------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Cohere.h"

using namespace mica;

void mica::readCohere(Hyperparameters &in, ModelDescription &model,
                      double theta) {
  readCommon(in, model,
             {.heads = 64,
              .vocabulary = 256000,
              .eps = 1e-5,
              .context = 8192,
              .tied = true,
              .epsKey = layerNormEps});
  readBiases(in, model);
  model.norm = NormKind::Layer;
  model.normBias = false;
  model.residual = Residual::ParallelShared;
  model.activation = readActivation(in, "hidden_act", "silu");
  model.logitScale = in.number({"logit_scale", "logit_scale"}, 0.0625);
  RopeTable rope = ropeTable(readRope(in, model, {.theta = theta}));
  rope.pairing = RopePairing::Interleaved;
  useRope(model, rope);
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCohere(in, model, 500000);
  // GGUF: the tensors say.
  bool normalised = in.isGGUF()
                        ? bool(in.checkpoint().find("blk.0.attn_q_norm.weight"))
                        : in.flag({"", "use_qk_norm"}, false);
  if (normalised)
    model.qkNorms = QKNorms::PerHead;
}

static constexpr std::string_view architectures[] = {"command-r"};
static constexpr std::string_view modelTypes[] = {"cohere"};

constinit const Family mica::familyCohere = {
    .name = "cohere",
    .ggufNames = architectures,
    .configNames = modelTypes,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
