//===- Family.h - How a family names and sets things ------------*- C++ -*-===//
//
// A family is a function that fills in the switches and two tables of tensor
// names, one for GGUF files and one for Hugging Face's. See
// docs/adding-a-model.md.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_FAMILIES_FAMILY_H
#define LIB_IMPORT_FAMILIES_FAMILY_H

#include "lib/Import/Hyperparameters.h"
#include "lib/Import/Model.h"
#include "lib/Import/Rope.h"

namespace mica {

/// The tensor of a role, "{}" standing for the layer's number.
struct TensorPattern {
  Role role;
  std::string_view name;
  bool transposed = false; ///< stored as [columns, rows]
  RowOrder order = RowOrder::Plain;
  /// The tensor holds the rows of query, key and value in turn.
  bool fused = false;
};

/// Names in one container. A role is looked up in `patterns`, then in `common`.
struct TensorNames {
  std::span<const TensorPattern> patterns, common;
  /// What may stand before all names but the output projection's; the first
  /// that finds the token embedding is taken.
  std::span<const std::string_view> prefixes;
  /// Names that are no weights or not of the text model, with "*" at the begin
  /// or at the end for anything.
  std::span<const std::string_view> ignored;
};

struct Family {
  std::string_view name;
  /// `general.architecture` in GGUF, `model_type` in config.json.
  std::span<const std::string_view> ggufNames, configNames;
  TensorNames gguf, config;
  /// Fills in every switch and `layers`, each with its window, rope and scale.
  void (*read)(Hyperparameters &in, ModelDescription &model);
};

extern const Family gemma3Family, llamaFamily, qwen3Family, gpt2Family;

/// Every family that Mica has.
std::span<const Family *const> families();

// What families have in common.

/// Width, heads, ffn, eps and context under the names that most decoders use,
/// and `layers`. `headSize` is what the family assumes where no setting says.
struct CommonDefaults {
  std::optional<int64_t> heads = {}, kvHeads = {}, headSize = {};
  std::optional<int64_t> vocabulary = {};
  double eps = 1e-6;
  int64_t context = 2048;
  bool tied = false;
};
void readCommon(Hyperparameters &in, ModelDescription &model,
                const CommonDefaults &defaults);

/// Vocabulary and tied embeddings: from config.json, or from the tensors of a
/// GGUF file.
void readVocabulary(Hyperparameters &in, ModelDescription &model,
                    std::optional<int64_t> size, bool tied);

/// Creates `count` layers unless the checkpoint has fewer tensors than that.
void makeLayers(Hyperparameters &in, ModelDescription &model, int64_t count);

/// Biases of attention (`attention_bias`) and of the ffn (`mlp_bias`); in GGUF,
/// whether the first layer has them.
void readBiases(Hyperparameters &in, ModelDescription &model);

/// The activation that `key` names.
Activation readActivation(Hyperparameters &in, std::string_view key,
                          std::string_view fallback);

/// For each layer whether it attends to a window: what `layer_types` of
/// config.json or an array `attention.sliding_window_pattern` of GGUF says;
/// nothing where there is neither.
std::optional<std::vector<bool>> readSlidingLayers(Hyperparameters &in,
                                                   size_t layers);

/// The model's name and its special tokens; ids outside the vocabulary are
/// warnings.
void readTokens(Hyperparameters &in, ModelDescription &model);

/// The index of `rope` in `model.ropes`, added if it is new.
int addRope(ModelDescription &model, RopeTable rope);

/// Hugging Face's names of a decoder of the Llama kind: norms before attention
/// and ffn, separate projections, gated ffn, with the biases.
inline constexpr TensorPattern llamaLikeConfigNames[] = {
    {Role::TokenEmbedding, "embed_tokens.weight"},
    {Role::AttentionNorm, "layers.{}.input_layernorm.weight"},
    {Role::Query, "layers.{}.self_attn.q_proj.weight"},
    {Role::QueryBias, "layers.{}.self_attn.q_proj.bias"},
    {Role::Key, "layers.{}.self_attn.k_proj.weight"},
    {Role::KeyBias, "layers.{}.self_attn.k_proj.bias"},
    {Role::Value, "layers.{}.self_attn.v_proj.weight"},
    {Role::ValueBias, "layers.{}.self_attn.v_proj.bias"},
    {Role::QueryNorm, "layers.{}.self_attn.q_norm.weight"},
    {Role::KeyNorm, "layers.{}.self_attn.k_norm.weight"},
    {Role::AttentionOutput, "layers.{}.self_attn.o_proj.weight"},
    {Role::AttentionOutputBias, "layers.{}.self_attn.o_proj.bias"},
    {Role::FfnNorm, "layers.{}.post_attention_layernorm.weight"},
    {Role::Gate, "layers.{}.mlp.gate_proj.weight"},
    {Role::GateBias, "layers.{}.mlp.gate_proj.bias"},
    {Role::Up, "layers.{}.mlp.up_proj.weight"},
    {Role::UpBias, "layers.{}.mlp.up_proj.bias"},
    {Role::Down, "layers.{}.mlp.down_proj.weight"},
    {Role::DownBias, "layers.{}.mlp.down_proj.bias"},
    {Role::FinalNorm, "norm.weight"},
    {Role::Output, "lm_head.weight"},
};

/// GGUF's names of the same.
inline constexpr TensorPattern llamaLikeGGUFNames[] = {
    {Role::TokenEmbedding, "token_embd.weight"},
    {Role::AttentionNorm, "blk.{}.attn_norm.weight"},
    {Role::Query, "blk.{}.attn_q.weight"},
    {Role::QueryBias, "blk.{}.attn_q.bias"},
    {Role::Key, "blk.{}.attn_k.weight"},
    {Role::KeyBias, "blk.{}.attn_k.bias"},
    {Role::Value, "blk.{}.attn_v.weight"},
    {Role::ValueBias, "blk.{}.attn_v.bias"},
    {Role::QueryNorm, "blk.{}.attn_q_norm.weight"},
    {Role::KeyNorm, "blk.{}.attn_k_norm.weight"},
    {Role::AttentionOutput, "blk.{}.attn_output.weight"},
    {Role::AttentionOutputBias, "blk.{}.attn_output.bias"},
    {Role::FfnNorm, "blk.{}.ffn_norm.weight"},
    {Role::Gate, "blk.{}.ffn_gate.weight"},
    {Role::GateBias, "blk.{}.ffn_gate.bias"},
    {Role::Up, "blk.{}.ffn_up.weight"},
    {Role::UpBias, "blk.{}.ffn_up.bias"},
    {Role::Down, "blk.{}.ffn_down.weight"},
    {Role::DownBias, "blk.{}.ffn_down.bias"},
    {Role::FinalNorm, "output_norm.weight"},
    {Role::Output, "output.weight"},
};

inline constexpr std::string_view noPrefix[] = {""};

} // namespace mica

#endif // LIB_IMPORT_FAMILIES_FAMILY_H
