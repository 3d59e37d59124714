//===- Qwen3.cpp - Qwen3, dense -------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

/// Sets the windows of the layers that have one, from config.json.
static void readWindows(Hyperparameters &in, ModelDescription &model) {
  if (in.isGGUF() || !in.flag({"", "use_sliding_window"}, false))
    return;
  int64_t window = in.size({"", "sliding_window"}, 4096);
  int64_t fullLayers = in.count({"", "max_window_layers"}, 28);
  auto sliding = readSlidingLayers(in, model.layers.size());
  for (int64_t i = 0; i < int64_t(model.layers.size()); ++i)
    if (sliding ? (*sliding)[i] : i >= fullLayers)
      model.layers[i].window = window;
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.headSize = 128, .context = 32768});
  readBiases(in, model);
  model.qkNorms = true;
  model.activation = readActivation(in, "hidden_act", "silu");
  readWindows(in, model);

  int rope =
      addRope(model, {inverseFrequencies(readRope(in, 10000), model.headSize)});
  for (LayerDescription &layer : model.layers) {
    layer.rope = rope;
    layer.attentionScale = std::pow(double(model.headSize), -0.5);
  }
}

static constexpr std::string_view names[] = {"qwen3"};
static constexpr std::string_view prefixes[] = {"model.", ""};
static constexpr std::string_view ignored[] = {"*.rotary_emb.inv_freq"};

constinit const Family mica::qwen3Family = {
    .name = "qwen3",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, llamaLikeGGUFNames, noPrefix, {}},
    .config = {{}, llamaLikeConfigNames, prefixes, ignored},
    .read = read,
};
