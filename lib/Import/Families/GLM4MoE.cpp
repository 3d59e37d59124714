//===- GLM4MoE.cpp - GLM-4.5 ----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.eps = 1e-5, .context = 131072});
  // The last layers of a GGUF file predict further tokens.
  int64_t more = in.count({"nextn_predict_layers", ""}, 0);
  int64_t all = model.layers.size();
  if (more >= all)
    return in.fail(std::to_string(more) + " layers of predictions among " +
                   std::to_string(all) + ", expected fewer");
  model.layers.resize(all - more);
  readBiases(in, model);
  model.attentionOutputBias = false;
  bool normed = in.isGGUF() ? !!in.checkpoint().find("blk.0.attn_q_norm.weight")
                            : in.flag({"", "use_qk_norm"}, false);
  model.qkNorms = normed ? QKNorms::Head : QKNorms::None;
  model.activation = readActivation(in, "hidden_act", "silu");
  readExperts(in, model, {.normalize = true, .sigmoid = true});
  useRope(model, ropeTable(readRope(in, model, {.partial = 0.5})));
}

static constexpr TensorPattern ggufPatterns[] = {
    {Role::FfnNorm, "blk.{}.post_attention_norm.weight"},
};

static constexpr std::string_view ggufArchitectures[] = {"glm4moe"};
static constexpr std::string_view configNames[] = {"glm4_moe"};

constinit const Family mica::familyGLM4MoE = {
    .name = "glm4_moe",
    .ggufNames = ggufArchitectures,
    .configNames = configNames,
    .gguf = {ggufPatterns, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
