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

#include <functional>

namespace mica {

/// Whose rows a tensor holds.
enum class Fused : uint8_t {
  None,
  QueryKeyValue, ///< those of query, key and value in turn
  HeadsOfEach,   ///< a head of each in turn, for all heads
  GateUp,        ///< those of gate and up in turn
  Alternating,   ///< one of gate and one of up in turn; of biases, columns
  ConvGates,     ///< of a short convolution gate in, gate out and input in turn
  Scan,          ///< of a scan gate, input, key, query and time in turn
  ScanTaps,      ///< columns of the input's, the key's and the query's in turn
  LatentRope,    ///< those of the latent and of what heads share in turn
  LatentHeads,   ///< of a head its keys, by columns, and its values in turn
};

/// The tensor of a role, "{}" standing for the layer's number, a second one for
/// the expert's.
struct TensorPattern {
  Role role;
  std::string_view name;
  bool transposed = false; ///< stored as [columns, rows]
  RowOrder order = RowOrder::Plain;
  Fused fused = Fused::None;
};

/// Names in one container. A role has the first of its patterns, those of
/// `patterns` before those of `common`, whose tensor is there.
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

// Each file of this folder, NAME.cpp, defines familyNAME.
#define MICA_FAMILY(NAME) extern const Family family##NAME;
#include "lib/Import/Families.inc"
#undef MICA_FAMILY

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
  /// Whether a GGUF file's key and value are those of a latent.
  bool latent = false;
  /// The mixer of layers to which a GGUF file gives no kv-heads; such are
  /// errors in families that have none.
  std::optional<Mixer> headless = {};
  Hyperparameters::Key epsKey = {"attention.layer_norm_rms_epsilon",
                                 "rms_norm_eps"};
};
/// That of layer norms.
inline constexpr Hyperparameters::Key layerNormEps = {
    "attention.layer_norm_epsilon", "layer_norm_eps"};

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

/// Experts in every layer, as most families name them: `num_experts`,
/// `num_local_experts` or `n_routed_experts`, and `num_experts_per_tok`.
/// Scores, bias, groups and scale of the choice, shared experts (which are one
/// ffn, as wide as all of them) and the first layers, which may be dense.
struct ExpertDefaults {
  std::string_view width = "moe_intermediate_size";
  bool normalize = false;
  bool sigmoid = false; ///< scores, with a bias for the choice
};
void readExperts(Hyperparameters &in, ModelDescription &model,
                 const ExpertDefaults &defaults);

/// Names of a scan's settings in config.json, and what holds without them.
struct ScanKeys {
  std::string_view heads, headSize, groups, state, taps, expand, bias;
  int64_t defaultHeadSize = 64, defaultGroups = 1;
};

/// Sizes of scans (`ModelDescription::scan`, `convTaps`) and limits of their
/// steps of time. In GGUF the columns of all heads are given, else those of
/// one, which with `expand` and the width must agree.
void readScan(Hyperparameters &in, ModelDescription &model,
              const ScanKeys &keys);

/// Granite's factors on embeddings, scores, what layers add, and logits.
void readGraniteFactors(Hyperparameters &in, ModelDescription &model);

/// How rows become an embedding: what modules.json of sentence-transformers and
/// the folders that it names say. Without it their mean, with a warning.
void readPooling(Hyperparameters &in, ModelDescription &model);

/// The activation that `key` names: silu (or swish), gelu, gelu_new,
/// gelu_pytorch_tanh, relu, relu2; no setting of GGUF says.
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

/// Gives all layers the same rope, and the usual scale of attention:
/// headSize^-0.5.
void useRope(ModelDescription &model, const RopeTable &rope);

/// Sets the windows of the layers that `readSlidingLayers` finds or, if it
/// finds nothing, of those of which `sliding` is true. `window` holds where no
/// setting says (null says none, whatever `layer_types` says), 0 for none.
void readWindows(Hyperparameters &in, ModelDescription &model, int64_t window,
                 const std::function<bool(int64_t layer)> &sliding);
inline bool everyLayer(int64_t) { return true; }

/// Qwen's: with `use_sliding_window`, of the layers from `max_window_layers`
/// on.
void readQwenWindows(Hyperparameters &in, ModelDescription &model);

/// Hugging Face's names of a decoder of the Llama kind: norms before attention
/// and ffn, separate projections, gated ffn, with the biases.
inline constexpr TensorPattern llamaLikeConfigNames[] = {
    {Role::TokenEmbedding, "embed_tokens.weight"},
    {Role::AttentionNorm, "layers.{}.input_layernorm.weight"},
    {Role::AttentionNormBias, "layers.{}.input_layernorm.bias"},
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
    {Role::FfnNormBias, "layers.{}.post_attention_layernorm.bias"},
    {Role::Gate, "layers.{}.mlp.gate_proj.weight"},
    {Role::GateBias, "layers.{}.mlp.gate_proj.bias"},
    {Role::Up, "layers.{}.mlp.up_proj.weight"},
    {Role::UpBias, "layers.{}.mlp.up_proj.bias"},
    {Role::Down, "layers.{}.mlp.down_proj.weight"},
    {Role::DownBias, "layers.{}.mlp.down_proj.bias"},
    {Role::Router, "layers.{}.mlp.gate.weight"},
    {Role::RouterBias, "layers.{}.mlp.gate.e_score_correction_bias"},
    {Role::ExpertGate, "layers.{}.mlp.experts.{}.gate_proj.weight"},
    {Role::ExpertUp, "layers.{}.mlp.experts.{}.up_proj.weight"},
    {Role::ExpertDown, "layers.{}.mlp.experts.{}.down_proj.weight"},
    {Role::SharedGate, "layers.{}.mlp.shared_experts.gate_proj.weight"},
    {Role::SharedUp, "layers.{}.mlp.shared_experts.up_proj.weight"},
    {Role::SharedDown, "layers.{}.mlp.shared_experts.down_proj.weight"},
    {Role::FinalNorm, "norm.weight"},
    {Role::FinalNormBias, "norm.bias"},
    {Role::Output, "lm_head.weight"},
};

/// GGUF's names of the roles of any decoder.
inline constexpr TensorPattern ggufNames[] = {
    {Role::TokenEmbedding, "token_embd.weight"},
    {Role::PositionEmbedding, "position_embd.weight"},
    {Role::AttentionNorm, "blk.{}.attn_norm.weight"},
    {Role::AttentionNormBias, "blk.{}.attn_norm.bias"},
    {Role::Query, "blk.{}.attn_q.weight"},
    {Role::QueryBias, "blk.{}.attn_q.bias"},
    {Role::Key, "blk.{}.attn_k.weight"},
    {Role::KeyBias, "blk.{}.attn_k.bias"},
    {Role::Value, "blk.{}.attn_v.weight"},
    {Role::ValueBias, "blk.{}.attn_v.bias"},
    {Role::QueryNorm, "blk.{}.attn_q_norm.weight"},
    {Role::KeyNorm, "blk.{}.attn_k_norm.weight"},
    {Role::AttentionSinks, "blk.{}.attn_sinks.weight"},
    {Role::AttentionOutput, "blk.{}.attn_output.weight"},
    {Role::AttentionOutputBias, "blk.{}.attn_output.bias"},
    {Role::PostAttentionNorm, "blk.{}.post_attention_norm.weight"},
    {Role::FfnNorm, "blk.{}.ffn_norm.weight"},
    {Role::FfnNormBias, "blk.{}.ffn_norm.bias"},
    {Role::Gate, "blk.{}.ffn_gate.weight"},
    {Role::GateBias, "blk.{}.ffn_gate.bias"},
    {Role::Up, "blk.{}.ffn_up.weight"},
    {Role::UpBias, "blk.{}.ffn_up.bias"},
    {Role::Down, "blk.{}.ffn_down.weight"},
    {Role::DownBias, "blk.{}.ffn_down.bias"},
    {Role::Router, "blk.{}.ffn_gate_inp.weight"},
    {Role::RouterBias, "blk.{}.exp_probs_b.bias"},
    {Role::RouterLogitBias, "blk.{}.ffn_gate_inp.bias"},
    {Role::ExpertGate, "blk.{}.ffn_gate_exps.weight"},
    {Role::ExpertUp, "blk.{}.ffn_up_exps.weight"},
    {Role::ExpertDown, "blk.{}.ffn_down_exps.weight"},
    {Role::ExpertGateBias, "blk.{}.ffn_gate_exps.bias"},
    {Role::ExpertUpBias, "blk.{}.ffn_up_exps.bias"},
    {Role::ExpertDownBias, "blk.{}.ffn_down_exps.bias"},
    {Role::SharedGate, "blk.{}.ffn_gate_shexp.weight"},
    {Role::SharedUp, "blk.{}.ffn_up_shexp.weight"},
    {Role::SharedDown, "blk.{}.ffn_down_shexp.weight"},
    {Role::PostFfnNorm, "blk.{}.post_ffw_norm.weight"},
    {Role::FinalNorm, "output_norm.weight"},
    {Role::FinalNormBias, "output_norm.bias"},
    {Role::Output, "output.weight"},
};

/// Query, key and value in one tensor.
inline constexpr TensorPattern fusedGGUFNames[] = {
    {.role = Role::Query,
     .name = "blk.{}.attn_qkv.weight",
     .fused = Fused::QueryKeyValue},
    {.role = Role::Key,
     .name = "blk.{}.attn_qkv.weight",
     .fused = Fused::QueryKeyValue},
    {.role = Role::Value,
     .name = "blk.{}.attn_qkv.weight",
     .fused = Fused::QueryKeyValue},
    {.role = Role::QueryBias,
     .name = "blk.{}.attn_qkv.bias",
     .fused = Fused::QueryKeyValue},
    {.role = Role::KeyBias,
     .name = "blk.{}.attn_qkv.bias",
     .fused = Fused::QueryKeyValue},
    {.role = Role::ValueBias,
     .name = "blk.{}.attn_qkv.bias",
     .fused = Fused::QueryKeyValue},
};

/// GGUF's "llama" files interleave the halves of each head of q and k.
inline constexpr TensorPattern pairedGGUFNames[] = {
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

inline constexpr std::string_view noPrefix[] = {""};
inline constexpr std::string_view modelPrefix[] = {"model.", ""};
/// What checkpoints hold beside weights.
inline constexpr std::string_view ropeBuffers[] = {"*.rotary_emb.inv_freq"};
inline constexpr std::string_view ropeFactors[] = {"rope_freqs.weight",
                                                   "rope_factors_long.weight",
                                                   "rope_factors_short.weight"};

} // namespace mica

#endif // LIB_IMPORT_FAMILIES_FAMILY_H
