//===- LFM2.cpp - LFM2 ----------------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <algorithm>

using namespace mica;

/// In config.json the layers that `layer_types` or the older `full_attn_idxs`
/// name attend, the others convolve; with neither all attend.
static void readMixers(Hyperparameters &in, ModelDescription &model) {
  const nlohmann::json &kinds = in.json("layer_types");
  const nlohmann::json &attending = in.json("full_attn_idxs");
  size_t count = model.layers.size();
  if (kinds.is_array() && kinds.size() != count)
    return in.fail(
        "layer_types does not fit the layers, expected an array of " +
        std::to_string(count));
  for (size_t i = 0; i < count; ++i) {
    bool attends = true;
    if (kinds.is_array()) {
      attends = kinds[i] == "full_attention";
      if (!attends && kinds[i] != "conv")
        in.fail("layer_types[" + std::to_string(i) +
                "] is another kind, expected full_attention or conv");
    } else if (attending.is_array()) {
      attends = std::find(attending.begin(), attending.end(),
                          nlohmann::json(i)) != attending.end();
    }
    if (!attends)
      model.layers[i].mixer = Mixer::ShortConv;
  }
}

/// Settings of the first checkpoints make the ffn narrower than they say; GGUF
/// files say what it is.
static void readWidth(Hyperparameters &in, ModelDescription &model) {
  if (in.has({"", "block_ff_dim"}))
    model.ffnWidth = in.size({"", "block_ff_dim"});
  if (!in.flag({"", "block_auto_adjust_ff_dim"}, true))
    return;
  int64_t multiple = in.size({"", "block_multiple_of"}, 256);
  double factor = in.number({"", "block_ffn_dim_multiplier"}, 1);
  double width = factor * double(2 * model.ffnWidth / 3);
  if (width >= 1 && width < double(1 << 30))
    model.ffnWidth = (int64_t(width) + multiple - 1) / multiple * multiple;
  else
    in.fail("block_ffn_dim_multiplier is " + std::to_string(factor) +
            " for an ffn of " + std::to_string(model.ffnWidth) +
            " columns, expected what leaves 1 to 2^30");
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model,
             {.kvHeads = 8,
              .eps = 1e-5,
              .context = 128000,
              .tied = true,
              .headless = Mixer::ShortConv,
              .epsKey = {"attention.layer_norm_rms_epsilon", "norm_eps"}});
  if (!in.isGGUF()) {
    model.tied = in.flag({"", "tie_embedding"}, model.tied);
    readWidth(in, model);
    in.require("conv_bias", false);
    readMixers(in, model);
  }
  model.qkNorms = QKNorms::Head;
  model.convTaps = in.size({"shortconv.l_cache", "conv_L_cache"}, 3);
  if (model.convTaps < 2 || model.convTaps > 64)
    in.fail("convolutions of " + std::to_string(model.convTaps) +
            " rows, expected 2 to 64");
  useRope(model, ropeTable(readRope(in, model, {.theta = 1e6})));
  for (LayerDescription &layer : model.layers)
    if (layer.mixer == Mixer::ShortConv)
      layer.rope = -1;
}

static constexpr TensorPattern ggufPatterns[] = {
    {.role = Role::ConvGateIn,
     .name = "blk.{}.shortconv.in_proj.weight",
     .fused = Fused::ConvGates},
    {.role = Role::ConvGateOut,
     .name = "blk.{}.shortconv.in_proj.weight",
     .fused = Fused::ConvGates},
    {.role = Role::ConvInput,
     .name = "blk.{}.shortconv.in_proj.weight",
     .fused = Fused::ConvGates},
    {.role = Role::ConvTaps,
     .name = "blk.{}.shortconv.conv.weight",
     .transposed = true},
    {Role::ConvOutput, "blk.{}.shortconv.out_proj.weight"},
    // Files name the final norm so.
    {Role::FinalNorm, "token_embd_norm.weight"},
};

static constexpr TensorPattern configPatterns[] = {
    {Role::AttentionNorm, "layers.{}.operator_norm.weight"},
    {Role::FfnNorm, "layers.{}.ffn_norm.weight"},
    {Role::QueryNorm, "layers.{}.self_attn.q_layernorm.weight"},
    {Role::KeyNorm, "layers.{}.self_attn.k_layernorm.weight"},
    {Role::AttentionOutput, "layers.{}.self_attn.out_proj.weight"},
    {.role = Role::ConvGateIn,
     .name = "layers.{}.conv.in_proj.weight",
     .fused = Fused::ConvGates},
    {.role = Role::ConvGateOut,
     .name = "layers.{}.conv.in_proj.weight",
     .fused = Fused::ConvGates},
    {.role = Role::ConvInput,
     .name = "layers.{}.conv.in_proj.weight",
     .fused = Fused::ConvGates},
    {.role = Role::ConvTaps,
     .name = "layers.{}.conv.conv.weight",
     .transposed = true},
    {Role::ConvOutput, "layers.{}.conv.out_proj.weight"},
    {Role::Gate, "layers.{}.feed_forward.w1.weight"},
    {Role::Up, "layers.{}.feed_forward.w3.weight"},
    {Role::Down, "layers.{}.feed_forward.w2.weight"},
    {Role::FinalNorm, "embedding_norm.weight"},
};

static constexpr std::string_view names[] = {"lfm2"};

constinit const Family mica::familyLFM2 = {
    .name = "lfm2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {ggufPatterns, ggufNames, noPrefix, ropeFactors},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
