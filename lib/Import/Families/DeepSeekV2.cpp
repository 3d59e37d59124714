//===- DeepSeekV2.cpp - DeepSeek-V2, and what both versions share ---------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/DeepSeek.h"

#include <cmath>

using namespace mica;

/// The widths of heads and of what they are made of. GGUF files of today hold
/// attention in its absorbed form, whose one key is latent and rotated part.
static void readLatent(Hyperparameters &in, ModelDescription &model) {
  LatentSwitches &latent = model.latent;
  latent.rank = in.size({"attention.kv_lora_rank", "kv_lora_rank"}, 512);
  if (in.isGGUF() || !in.saysNone("q_lora_rank"))
    latent.queryRank = in.count({"attention.q_lora_rank", "q_lora_rank"},
                                in.isGGUF() ? 0 : 1536);
  latent.rope = in.size({"rope.dimension_count", "qk_rope_head_dim"}, 64);
  latent.value = in.size({"attention.value_length_mla", "v_head_dim"}, 128);
  // In directories whatever the other norms' is.
  latent.normEps = in.isGGUF() ? model.normEps : 1e-6;
  model.kvHeads = 1;
  if (in.isGGUF())
    model.headSize = in.size({"attention.key_length_mla", ""});
  else
    model.headSize = in.size({"", "qk_nope_head_dim"}, 128) + latent.rope;
  if (model.headSize <= latent.rope || latent.rope % 2 || latent.rank % 2)
    in.fail("heads of " + std::to_string(model.headSize) +
            " columns of which " + std::to_string(latent.rope) +
            " turn, over a latent of " + std::to_string(latent.rank) +
            ", expected even numbers of columns and some that do not turn");
  constexpr int64_t largestHead = 1 << 16;
  for (int64_t *columns : {&model.headSize, &latent.rope, &latent.value})
    if (*columns > largestHead) {
      in.fail("heads of " + std::to_string(*columns) +
              " columns, expected at most " + std::to_string(largestHead));
      *columns = 2;
    }
}

void mica::readDeepSeek(Hyperparameters &in, ModelDescription &model,
                        bool interleaved) {
  readCommon(in, model, {.context = 2048, .latent = true});
  for (std::string_view biases : {"attention_bias", "mlp_bias"})
    in.require(biases, false);
  readLatent(in, model);
  model.activation = readActivation(in, "hidden_act", "silu");
  RopeSettings settings = readRope(in, model, {.columns = model.latent.rope});
  if (in.isGGUF())
    settings.attentionFactor = 1;
  RopeTable rope = ropeTable(settings);
  if (interleaved)
    rope.pairing = RopePairing::Interleaved;
  useRope(model, rope);
  for (LayerDescription &layer : model.layers)
    layer.attentionScale *= settings.scoreFactor;
}

/// GGUF files of both versions. Older ones do not say what scores are; those
/// with a bias for the choice are a sigmoid.
static void readGGUF(Hyperparameters &in, ModelDescription &model) {
  int64_t dense = in.count({"leading_dense_block_count", ""}, 0);
  std::string bias = "blk." + std::to_string(dense) + ".exp_probs_b.bias";
  readExperts(in, model, {.sigmoid = !!in.checkpoint().find(bias)});
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readDeepSeek(in, model, /*interleaved=*/true);
  if (in.isGGUF())
    return readGGUF(in, model);
  in.require("norm_topk_prob", false);
  readExperts(in, model, {});
  std::string method = in.text({"", "topk_method"}, "greedy");
  if (method == "greedy")
    model.experts.groups = model.experts.topGroups = 1;
  else if (method != "group_limited_greedy")
    in.fail("topk_method is " + quote(method) +
            ", expected greedy or group_limited_greedy");
}

static constexpr std::string_view ggufArchitectures[] = {"deepseek2"};
static constexpr std::string_view configNames[] = {"deepseek_v2"};

constinit const Family mica::familyDeepSeekV2 = {
    .name = "deepseek_v2",
    .ggufNames = ggufArchitectures,
    .configNames = configNames,
    .gguf = {latentGGUFNames, ggufNames, noPrefix, ropeFactors},
    .config = {latentConfigNames, llamaLikeConfigNames, modelPrefix,
               ropeBuffers},
    .read = read,
};
