//===- GraniteHybrid.cpp - Granite 4 --------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

/// Which layers attend and which scan; without a list all scan. Names are those
/// of the published files, and of `transformers` since version 5.
static void readMixers(Hyperparameters &in, ModelDescription &model) {
  const nlohmann::json &kinds = in.json("layer_types");
  size_t count = model.layers.size();
  if (!kinds.is_null() && (!kinds.is_array() || kinds.size() != count))
    return in.fail(
        "layer_types does not fit the layers, expected an array of " +
        std::to_string(count));
  for (size_t i = 0; i < count; ++i) {
    bool scans = kinds.is_null() || kinds[i] == "mamba" ||
                 kinds[i] == "linear_attention";
    if (scans) {
      model.layers[i].mixer = Mixer::Scan;
      model.layers[i].rope = -1;
    } else if (kinds[i] != "attention" && kinds[i] != "full_attention") {
      in.fail("layer_types[" + std::to_string(i) +
              "] is another kind, expected attention or mamba");
    }
  }
}

/// The ffn of all rows is one beside experts, or the only one.
static void readFeedForward(Hyperparameters &in, ModelDescription &model) {
  int64_t width = in.size({"", "shared_intermediate_size"}, 1024);
  if (in.count({"", "num_local_experts"}, 8)) {
    readExperts(in, model, {.width = "intermediate_size", .normalize = true});
    model.experts.sharedWidth = width;
  } else {
    model.ffnWidth = width;
  }
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32});
  in.require("mamba_proj_bias", false);
  in.require("attention_bias", false);
  model.activation = readActivation(in, "hidden_act", "silu");
  readFeedForward(in, model);
  readScan(in, model,
           {.heads = "mamba_n_heads",
            .headSize = "mamba_d_head",
            .groups = "mamba_n_groups",
            .state = "mamba_d_state",
            .taps = "mamba_d_conv",
            .expand = "mamba_expand",
            .bias = "mamba_conv_bias"});
  std::string positions = in.text({"", "position_embedding_type"}, "nope");
  if (positions == "rope")
    useRope(model, ropeTable(readRope(in, model, {})));
  else if (positions != "nope")
    in.fail("position_embedding_type is " + quote(positions) +
            ", expected rope or nope");
  readMixers(in, model);
  readGraniteFactors(in, model);
}

static constexpr std::string_view inputs = "layers.{}.mamba.in_proj.weight";
static constexpr std::string_view taps = "layers.{}.mamba.conv1d.weight";
static constexpr std::string_view tapsBias = "layers.{}.mamba.conv1d.bias";
static constexpr std::string_view shared =
    "layers.{}.shared_mlp.input_linear.weight";
static constexpr std::string_view sharedOutput =
    "layers.{}.shared_mlp.output_linear.weight";
static constexpr std::string_view experts =
    "layers.{}.block_sparse_moe.input_linear.weight";

static constexpr TensorPattern configPatterns[] = {
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
    {Role::ScanTimeBias, "layers.{}.mamba.dt_bias"},
    {Role::ScanDecay, "layers.{}.mamba.A_log"},
    {Role::ScanSkip, "layers.{}.mamba.D"},
    {Role::ScanNorm, "layers.{}.mamba.norm.weight"},
    {Role::ScanOutput, "layers.{}.mamba.out_proj.weight"},
    {.role = Role::Gate, .name = shared, .fused = Fused::GateUp},
    {.role = Role::Up, .name = shared, .fused = Fused::GateUp},
    {Role::Down, sharedOutput},
    {.role = Role::SharedGate, .name = shared, .fused = Fused::GateUp},
    {.role = Role::SharedUp, .name = shared, .fused = Fused::GateUp},
    {Role::SharedDown, sharedOutput},
    {Role::Router, "layers.{}.block_sparse_moe.router.layer.weight"},
    {.role = Role::ExpertGate, .name = experts, .fused = Fused::GateUp},
    {.role = Role::ExpertUp, .name = experts, .fused = Fused::GateUp},
    {Role::ExpertDown, "layers.{}.block_sparse_moe.output_linear.weight"},
};

static constexpr std::string_view configNames[] = {"granitemoehybrid"};

constinit const Family mica::familyGraniteHybrid = {
    .name = "granitemoehybrid",
    .ggufNames = {},
    .configNames = configNames,
    .gguf = {},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
