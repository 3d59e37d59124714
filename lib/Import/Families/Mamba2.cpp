//===- Mamba2.cpp - Mamba-2 -----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  // A state holds any number of rows.
  constexpr int64_t context = 1 << 20;
  model.width = in.size({"embedding_length", "hidden_size"});
  model.normEps = in.number(
      {"attention.layer_norm_rms_epsilon", "layer_norm_epsilon"}, 1e-5);
  model.maxContext =
      in.size({"context_length", "max_position_embeddings"}, context);
  makeLayers(in, model, in.size({"block_count", "num_hidden_layers"}));
  readVocabulary(in, model, 32768, /*tied=*/false);
  for (std::string_view key : {"use_bias", "norm_before_gate"})
    in.require(key, false);
  in.require("hidden_act", "silu");
  readScan(in, model,
           {.heads = "num_heads",
            .headSize = "head_dim",
            .groups = "n_groups",
            .state = "state_size",
            .taps = "conv_kernel",
            .expand = "expand",
            .bias = "use_conv_bias",
            .defaultGroups = 8});
  for (LayerDescription &layer : model.layers) {
    layer.mixer = Mixer::Scan;
    layer.feedForward = false;
  }
}

static constexpr std::string_view ggufInputs = "blk.{}.ssm_in.weight";
static constexpr std::string_view ggufTaps = "blk.{}.ssm_conv1d.weight";
static constexpr std::string_view ggufTapsBias = "blk.{}.ssm_conv1d.bias";

static constexpr TensorPattern ggufPatterns[] = {
    {.role = Role::ScanGate, .name = ggufInputs, .fused = Fused::Scan},
    {.role = Role::ScanInput, .name = ggufInputs, .fused = Fused::Scan},
    {.role = Role::ScanKey, .name = ggufInputs, .fused = Fused::Scan},
    {.role = Role::ScanQuery, .name = ggufInputs, .fused = Fused::Scan},
    {.role = Role::ScanTime, .name = ggufInputs, .fused = Fused::Scan},
    {.role = Role::ScanInputTaps,
     .name = ggufTaps,
     .transposed = true,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanKeyTaps,
     .name = ggufTaps,
     .transposed = true,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanQueryTaps,
     .name = ggufTaps,
     .transposed = true,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanInputTapsBias,
     .name = ggufTapsBias,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanKeyTapsBias,
     .name = ggufTapsBias,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanQueryTapsBias,
     .name = ggufTapsBias,
     .fused = Fused::ScanTaps},
    {Role::ScanTimeBias, "blk.{}.ssm_dt.bias"},
    {Role::ScanDecay, "blk.{}.ssm_a"},
    {Role::ScanSkip, "blk.{}.ssm_d"},
    {Role::ScanNorm, "blk.{}.ssm_norm.weight"},
    {Role::ScanOutput, "blk.{}.ssm_out.weight"},
};

static constexpr std::string_view inputs = "layers.{}.mixer.in_proj.weight";
static constexpr std::string_view taps = "layers.{}.mixer.conv1d.weight";
static constexpr std::string_view tapsBias = "layers.{}.mixer.conv1d.bias";

static constexpr TensorPattern configPatterns[] = {
    {Role::TokenEmbedding, "embeddings.weight"},
    {Role::AttentionNorm, "layers.{}.norm.weight"},
    {.role = Role::ScanGate, .name = inputs, .fused = Fused::Scan},
    {.role = Role::ScanInput, .name = inputs, .fused = Fused::Scan},
    {.role = Role::ScanKey, .name = inputs, .fused = Fused::Scan},
    {.role = Role::ScanQuery, .name = inputs, .fused = Fused::Scan},
    {.role = Role::ScanTime, .name = inputs, .fused = Fused::Scan},
    {.role = Role::ScanInputTaps,
     .name = taps,
     .transposed = true,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanKeyTaps,
     .name = taps,
     .transposed = true,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanQueryTaps,
     .name = taps,
     .transposed = true,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanInputTapsBias,
     .name = tapsBias,
     .fused = Fused::ScanTaps},
    {.role = Role::ScanKeyTapsBias, .name = tapsBias, .fused = Fused::ScanTaps},
    {.role = Role::ScanQueryTapsBias,
     .name = tapsBias,
     .fused = Fused::ScanTaps},
    {Role::ScanTimeBias, "layers.{}.mixer.dt_bias"},
    {Role::ScanDecay, "layers.{}.mixer.A_log"},
    {Role::ScanSkip, "layers.{}.mixer.D"},
    {Role::ScanNorm, "layers.{}.mixer.norm.weight"},
    {Role::ScanOutput, "layers.{}.mixer.out_proj.weight"},
    {Role::FinalNorm, "norm_f.weight"},
    {Role::Output, "lm_head.weight"},
};

static constexpr std::string_view names[] = {"mamba2"};
static constexpr std::string_view prefixes[] = {"backbone.", ""};

constinit const Family mica::familyMamba2 = {
    .name = "mamba2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {ggufPatterns, ggufNames, noPrefix, {}},
    .config = {configPatterns, {}, prefixes, {}},
    .read = read,
};
