//===- Mamba2.cpp - Mamba-2 -----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"
#include "lib/Import/Json.h"

#include <algorithm>

using namespace mica;

/// In GGUF the columns of all heads are given, else those of one.
static void readScan(Hyperparameters &in, ModelDescription &model) {
  ScanSwitches &scan = model.scan;
  auto size = [&in](Hyperparameters::Key key, int64_t fallback) {
    constexpr int64_t most = 1 << 16;
    int64_t value = in.isGGUF() ? in.size(key) : in.size(key, fallback);
    if (value > most)
      in.fail(std::string(in.isGGUF() ? key.gguf : key.config) + " is " +
              std::to_string(value) + ", expected at most " +
              std::to_string(most));
    return std::min(value, most);
  };
  scan.heads = size({"ssm.time_step_rank", "num_heads"}, 128);
  scan.headSize = size({"ssm.inner_size", "head_dim"}, 64);
  scan.groups = size({"ssm.group_count", "n_groups"}, 8);
  scan.state = size({"ssm.state_size", "state_size"}, 128);
  scan.convBias = in.isGGUF()
                      ? in.checkpoint().find("blk.0.ssm_conv1d.bias") != nullptr
                      : in.flag({"", "use_conv_bias"}, true);
  scan.rates = in.isGGUF();
  if (scan.heads % scan.groups)
    in.fail(std::to_string(scan.groups) +
            " groups of keys, expected a divisor of the " +
            std::to_string(scan.heads) + " heads");
  if (in.isGGUF() && scan.headSize % scan.heads)
    in.fail(std::to_string(scan.headSize) +
            " columns of a scan, expected a multiple of the " +
            std::to_string(scan.heads) + " heads");
  if (in.isGGUF())
    scan.headSize = std::max<int64_t>(scan.headSize / scan.heads, 1);
  else if (double expand = in.number({"", "expand"}, 2);
           expand * double(model.width) != double(scan.width()))
    in.fail("num_heads * head_dim is " + std::to_string(scan.width()) +
            ", expected expand * hidden_size, " +
            std::to_string(expand * double(model.width)));
  model.convTaps = in.size({"ssm.conv_kernel", "conv_kernel"}, 4);
  if (model.convTaps < 2 || model.convTaps > 64)
    in.fail("convolutions of " + std::to_string(model.convTaps) +
            " rows, expected 2 to 64");
}

/// The least and the most that a step of time may be: a list of two, of which
/// the second may be infinite (a null, or an object that says so).
static void readTimeLimit(Hyperparameters &in, ScanSwitches &scan) {
  const nlohmann::json &limit = in.json("time_step_limit");
  if (limit.is_null())
    return;
  bool valid = limit.is_array() && limit.size() == 2 && limit[0].is_number() &&
               limit[0] >= 0;
  if (valid && limit[1].is_number()) {
    scan.mostTime = limit[1].get<double>();
    valid = limit[1] >= limit[0] && scan.mostTime > 0;
  }
  if (valid)
    scan.leastTime = limit[0].get<double>();
  else
    in.fail("time_step_limit is " + shownJson(limit) +
            ", expected two numbers, the first at least 0 and at most the "
            "second");
}

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
  readScan(in, model);
  readTimeLimit(in, model.scan);
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
