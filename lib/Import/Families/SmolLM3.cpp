//===- SmolLM3.cpp - SmolLM3 ----------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <algorithm>

using namespace mica;

/// Takes the rope from the layers for which `no_rope_layers` holds 0, in spite
/// of its name, or from every fourth (GGUF: always).
static void removeRopes(Hyperparameters &in, ModelDescription &model) {
  const nlohmann::json &ropes = in.json("no_rope_layers");
  size_t layers = model.layers.size();
  auto isRope = [](const nlohmann::json &v) { return v == 0 || v == 1; };
  if (!ropes.is_null() && (!ropes.is_array() || ropes.size() < layers ||
                           !std::all_of(ropes.begin(), ropes.end(), isRope)))
    return in.fail("no_rope_layers does not fit the layers, expected an array "
                   "of 0 and 1 for each of the " +
                   std::to_string(layers));
  size_t interval = in.size({"", "no_rope_layer_interval"}, 4);
  for (size_t i = 0; i < layers; ++i)
    if (ropes.is_null() ? (i + 1) % interval == 0 : ropes[i] == 0)
      model.layers[i].rope = -1;
}

/// Windows are for the layers without rope, unless `layer_types` says
/// otherwise.
static void readPattern(Hyperparameters &in, ModelDescription &model) {
  if (in.flag({"", "use_sliding_window"}, false) &&
      in.has({"", "sliding_window"}))
    return readWindows(in, model, 0, [&](int64_t layer) {
      return model.layers[layer].rope == -1;
    });
  auto sliding = readSlidingLayers(in, model.layers.size());
  if (sliding && std::count(sliding->begin(), sliding->end(), true))
    in.fail("layer_types has sliding_attention, expected use_sliding_window "
            "and sliding_window with it");
}

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model,
             {.heads = 16, .kvHeads = 4, .context = 32768, .tied = true});
  readBiases(in, model);
  model.activation = readActivation(in, "hidden_act", "silu");
  double theta = in.isGGUF() ? 10000 : 2000000;
  useRope(model, ropeTable(readRope(in, model, {.theta = theta})));
  removeRopes(in, model);
  readPattern(in, model);
}

static constexpr std::string_view names[] = {"smollm3"};

constinit const Family mica::familySmolLM3 = {
    .name = "smollm3",
    .ggufNames = names,
    .configNames = names,
    .gguf = {pairedGGUFNames, ggufNames, noPrefix, ropeFactors},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
