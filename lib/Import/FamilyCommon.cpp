//===- FamilyCommon.cpp - What families have in common --------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <algorithm>
#include <cmath>

using namespace mica;

std::span<const Family *const> mica::families() {
#define MICA_FAMILY(NAME) &family##NAME,
  static const Family *const table[] = {
#include "lib/Import/Families.inc"
  };
#undef MICA_FAMILY
  return table;
}

void mica::makeLayers(Hyperparameters &in, ModelDescription &model,
                      int64_t count) {
  size_t tensors = in.checkpoint().tensors().size();
  if (size_t(count) > tensors) {
    in.fail(std::to_string(count) +
            " layers, expected at most one for each "
            "of the " +
            std::to_string(tensors) + " tensors");
    return;
  }
  model.layers.resize(count);
}

/// What a GGUF file may say that Mica does not do.
static void refuseGGUF(Hyperparameters &in, const ModelDescription &model) {
  auto expect = [&](std::string_view key, int64_t expected) {
    int64_t found = in.count({key, ""}, expected);
    if (found != expected)
      in.fail("metadata " + quote(in.ggufKey(key)) + " is " +
              std::to_string(found) + ", expected " + std::to_string(expected));
  };
  expect("attention.value_length", model.headSize);
}

/// The kv-heads of layers that attend. GGUF files may give them for each layer;
/// those without any have the mixer `headless`, if the family has one.
static int64_t readKVHeads(Hyperparameters &in, ModelDescription &model,
                           std::optional<int64_t> fallback,
                           std::optional<Mixer> headless) {
  constexpr std::string_view key = "attention.head_count_kv";
  auto counts = in.layerCounts(key, model.layers.size());
  if (!counts)
    return in.size({key, "num_key_value_heads"}, fallback);
  int64_t most = 1;
  for (int64_t count : *counts)
    most = std::max(most, count);
  for (size_t i = 0; i < counts->size(); ++i) {
    int64_t count = (*counts)[i];
    if (count == 0 && headless)
      model.layers[i].mixer = *headless;
    else if (count != most)
      in.fail("metadata " + quote(in.ggufKey(key)) + " is " +
              std::to_string(count) + " for layer " + std::to_string(i) +
              ", expected " + std::to_string(most));
  }
  return most;
}

void mica::readCommon(Hyperparameters &in, ModelDescription &model,
                      const CommonDefaults &defaults) {
  auto configOnly = [&](std::optional<int64_t> value) {
    return in.isGGUF() ? std::nullopt : value;
  };
  model.width = in.size({"embedding_length", "hidden_size"});
  model.heads = in.size({"attention.head_count", "num_attention_heads"},
                        configOnly(defaults.heads));
  makeLayers(in, model, in.size({"block_count", "num_hidden_layers"}));
  model.kvHeads =
      readKVHeads(in, model, configOnly(defaults.kvHeads).value_or(model.heads),
                  defaults.headless);
  int64_t equalShare = std::max<int64_t>(model.width / model.heads, 1);
  model.headSize = in.size({"attention.key_length", "head_dim"},
                           configOnly(defaults.headSize).value_or(equalShare));
  constexpr int64_t largestHead = 1 << 16;
  if (model.headSize > largestHead) {
    in.fail("heads of " + std::to_string(model.headSize) +
            " columns, expected at most " + std::to_string(largestHead));
    model.headSize = 1;
  }
  model.ffnWidth = in.size({"feed_forward_length", "intermediate_size"});
  model.maxContext =
      in.size({"context_length", "max_position_embeddings"}, defaults.context);
  model.normEps = in.number(defaults.epsKey, defaults.eps);
  readVocabulary(in, model, defaults.vocabulary, defaults.tied);
  if (in.isGGUF() && !defaults.latent)
    refuseGGUF(in, model);
}

void mica::readVocabulary(Hyperparameters &in, ModelDescription &model,
                          std::optional<int64_t> size, bool tied) {
  if (!in.isGGUF()) {
    model.vocabulary = in.size({"", "vocab_size"}, size);
    model.tied = in.flag({"", "tie_word_embeddings"}, tied);
    return;
  }
  // A GGUF file need not say; its tensors do.
  const TensorView *embedding = in.checkpoint().find("token_embd.weight");
  model.vocabulary =
      in.size({"vocab_size", ""}, embedding ? embedding->shape.front() : 1);
  model.tied = !in.checkpoint().find("output.weight");
}

void mica::readBiases(Hyperparameters &in, ModelDescription &model) {
  if (in.isGGUF()) {
    auto has = [&](const char *name) { return in.checkpoint().find(name); };
    model.qkvBias = has("blk.0.attn_q.bias");
    model.attentionOutputBias = has("blk.0.attn_output.bias");
    model.ffnBias = has("blk.0.ffn_up.bias");
    return;
  }
  model.qkvBias = model.attentionOutputBias =
      in.flag({"", "attention_bias"}, false);
  model.ffnBias = in.flag({"", "mlp_bias"}, false);
}

void mica::readExperts(Hyperparameters &in, ModelDescription &model,
                       const ExpertDefaults &defaults) {
  ExpertSwitches &experts = model.experts;
  auto either = [&](std::string_view gguf, std::string_view first,
                    std::string_view second) {
    bool hasFirst = in.isGGUF() || in.has({"", first}) || second.empty();
    return Hyperparameters::Key{gguf, hasFirst ? first : second};
  };
  experts.count =
      in.size(either("expert_count", "num_experts",
                     in.has({"", "num_local_experts"}) ? "num_local_experts"
                                                       : "n_routed_experts"));
  experts.choices = in.size({"expert_used_count", "num_experts_per_tok"});
  experts.width =
      in.size({"expert_feed_forward_length", defaults.width}, model.ffnWidth);
  experts.normalize =
      in.flag({"expert_weights_norm", "norm_topk_prob"}, defaults.normalize);
  // 1 is a softmax, 2 a sigmoid.
  int64_t scores = in.count({"expert_gating_func", ""}, defaults.sigmoid + 1);
  if (scores != 1 && scores != 2)
    in.fail("metadata " + quote(in.ggufKey("expert_gating_func")) + " is " +
            std::to_string(scores) + ", expected 1 or 2");
  experts.sigmoid = scores == 2;
  experts.choiceBias = defaults.sigmoid;
  experts.scale =
      in.number({"expert_weights_scale", "routed_scaling_factor"}, 1);
  experts.groups = in.size({"expert_group_count", "n_group"}, 1);
  experts.topGroups = in.size({"expert_group_used_count", "topk_group"}, 1);
  experts.groupSum = experts.groups > 1 && experts.sigmoid ? 2 : 1;
  experts.sharedWidth =
      in.count({"expert_shared_count", "n_shared_experts"}, 0) * experts.width;
  int64_t dense =
      in.count({"leading_dense_block_count", "first_k_dense_replace"}, 0);
  for (int64_t i = dense; i < int64_t(model.layers.size()); ++i)
    model.layers[i].experts = true;
}

Activation mica::readActivation(Hyperparameters &in, std::string_view key,
                                std::string_view fallback) {
  static constexpr std::pair<std::string_view, Activation> names[] = {
      {"silu", Activation::Silu},
      {"swish", Activation::Silu},
      {"gelu", Activation::Gelu},
      {"gelu_new", Activation::GeluTanh},
      {"gelu_pytorch_tanh", Activation::GeluTanh},
      {"relu", Activation::Relu},
      {"relu2", Activation::ReluSquared},
  };
  std::string name = in.text({"", key}, fallback);
  for (const auto &[known, activation] : names)
    if (known == name)
      return activation;
  in.fail(std::string(key) + " is " + quote(name) +
          ", expected silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2");
  return Activation::Silu;
}

std::optional<std::vector<bool>> mica::readSlidingLayers(Hyperparameters &in,
                                                         size_t layers) {
  std::vector<bool> result(layers);
  if (in.isGGUF()) {
    auto flags = in.layerCounts("attention.sliding_window_pattern", layers);
    if (!flags)
      return std::nullopt;
    std::copy(flags->begin(), flags->end(), result.begin());
    return result;
  }
  const nlohmann::json &types = in.json("layer_types");
  if (types.is_null())
    return std::nullopt;
  if (!types.is_array() || types.size() != layers) {
    in.fail("layer_types does not fit the layers, expected an array of " +
            std::to_string(layers));
    return std::nullopt;
  }
  for (size_t i = 0; i < layers; ++i) {
    result[i] = types[i] == "sliding_attention";
    if (!result[i] && types[i] != "full_attention")
      in.fail("layer_types[" + std::to_string(i) +
              "] is another kind, expected full_attention or "
              "sliding_attention");
  }
  return result;
}

int mica::addRope(ModelDescription &model, RopeTable rope) {
  auto it = std::find(model.ropes.begin(), model.ropes.end(), rope);
  if (it == model.ropes.end())
    it = model.ropes.insert(it, std::move(rope));
  return it - model.ropes.begin();
}

void mica::useRope(ModelDescription &model, const RopeTable &rope) {
  int index = addRope(model, rope);
  for (LayerDescription &layer : model.layers) {
    layer.rope = index;
    layer.attentionScale = std::pow(double(model.headSize), -0.5);
  }
}

void mica::readWindows(Hyperparameters &in, ModelDescription &model,
                       int64_t window,
                       const std::function<bool(int64_t)> &sliding) {
  if (in.saysNone("sliding_window"))
    return;
  window = in.count({"attention.sliding_window", "sliding_window"}, window);
  auto found = readSlidingLayers(in, model.layers.size());
  for (int64_t i = 0; i < int64_t(model.layers.size()); ++i)
    if (found ? (*found)[i] : sliding(i))
      model.layers[i].window = window;
}

void mica::readQwenWindows(Hyperparameters &in, ModelDescription &model) {
  if (in.isGGUF() || !in.flag({"", "use_sliding_window"}, false))
    return;
  int64_t fullLayers = in.count({"", "max_window_layers"}, 28);
  readWindows(in, model, 4096,
              [&](int64_t layer) { return layer >= fullLayers; });
}

void mica::readGraniteFactors(Hyperparameters &in, ModelDescription &model) {
  auto factor = [&](Hyperparameters::Key key) {
    return in.has(key) ? in.positive(key) : 1;
  };
  model.embeddingScale = factor({"embedding_scale", "embedding_multiplier"});
  model.residualScale = factor({"residual_scale", "residual_multiplier"});
  model.logitScale = 1 / factor({"logit_scale", "logits_scaling"});
  Hyperparameters::Key scale = {"attention.scale", "attention_multiplier"};
  for (LayerDescription &layer : model.layers)
    if (in.has(scale) || !in.isGGUF())
      layer.attentionScale = factor(scale);
}
