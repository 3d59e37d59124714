//===- Llama.cpp - Llama 2 and 3 ------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {});
  readBiases(in, model);
  model.activation = readActivation(in, "hidden_act", "silu");

  RopeTable rope{inverseFrequencies(readRope(in, 10000), model.headSize)};
  applyStoredFactors(in, rope.inverseFrequencies);
  int index = addRope(model, std::move(rope));
  for (LayerDescription &layer : model.layers) {
    layer.rope = index;
    layer.attentionScale = std::pow(double(model.headSize), -0.5);
  }
}

// The converter to GGUF interleaves the halves of each head of q and k.
static constexpr TensorPattern ggufPatterns[] = {
    {.role = Role::Query,
     .name = "blk.{}.attn_q.weight",
     .order = RowOrder::PairsToHalves},
    {.role = Role::QueryBias,
     .name = "blk.{}.attn_q.bias",
     .order = RowOrder::PairsToHalves},
    {.role = Role::Key,
     .name = "blk.{}.attn_k.weight",
     .order = RowOrder::PairsToHalves},
    {.role = Role::KeyBias,
     .name = "blk.{}.attn_k.bias",
     .order = RowOrder::PairsToHalves},
};

static constexpr std::string_view names[] = {"llama"};
static constexpr std::string_view prefixes[] = {"model.", ""};
static constexpr std::string_view ggufIgnored[] = {"rope_freqs.weight"};
static constexpr std::string_view configIgnored[] = {"*.rotary_emb.inv_freq"};

constinit const Family mica::llamaFamily = {
    .name = "llama",
    .ggufNames = names,
    .configNames = names,
    .gguf = {ggufPatterns, llamaLikeGGUFNames, noPrefix, ggufIgnored},
    .config = {{}, llamaLikeConfigNames, prefixes, configIgnored},
    .read = read,
};
