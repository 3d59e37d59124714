//===- DeepSeek.h - What DeepSeek's families have in common -----*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_FAMILIES_DEEPSEEK_H
#define LIB_IMPORT_FAMILIES_DEEPSEEK_H

#include "lib/Import/Families/Family.h"

namespace mica {

/// Widths, attention over latents and its rope, in adjacent pairs of columns if
/// `interleaved`; what no model of either has is refused.
void readDeepSeek(Hyperparameters &in, ModelDescription &model,
                  bool interleaved);

/// Hugging Face's names of attention over latents.
inline constexpr TensorPattern latentConfigNames[] = {
    {Role::QueryDown, "layers.{}.self_attn.q_a_proj.weight"},
    {Role::QueryDownNorm, "layers.{}.self_attn.q_a_layernorm.weight"},
    {Role::Query, "layers.{}.self_attn.q_b_proj.weight"},
    {.role = Role::LatentDown,
     .name = "layers.{}.self_attn.kv_a_proj_with_mqa.weight",
     .fused = Fused::LatentRope},
    {.role = Role::LatentRope,
     .name = "layers.{}.self_attn.kv_a_proj_with_mqa.weight",
     .fused = Fused::LatentRope},
    {Role::LatentNorm, "layers.{}.self_attn.kv_a_layernorm.weight"},
    {.role = Role::LatentKeys,
     .name = "layers.{}.self_attn.kv_b_proj.weight",
     .fused = Fused::LatentHeads},
    {.role = Role::LatentValues,
     .name = "layers.{}.self_attn.kv_b_proj.weight",
     .fused = Fused::LatentHeads},
};

/// GGUF's, whose weights of keys and values are in the absorbed form.
inline constexpr TensorPattern latentGGUFNames[] = {
    {Role::QueryDown, "blk.{}.attn_q_a.weight"},
    {Role::QueryDownNorm, "blk.{}.attn_q_a_norm.weight"},
    {Role::Query, "blk.{}.attn_q_b.weight"},
    {.role = Role::LatentDown,
     .name = "blk.{}.attn_kv_a_mqa.weight",
     .fused = Fused::LatentRope},
    {.role = Role::LatentRope,
     .name = "blk.{}.attn_kv_a_mqa.weight",
     .fused = Fused::LatentRope},
    {Role::LatentNorm, "blk.{}.attn_kv_a_norm.weight"},
    {Role::LatentKeys, "blk.{}.attn_k_b.weight"},
    {Role::LatentValues, "blk.{}.attn_v_b.weight"},
};

} // namespace mica

#endif // LIB_IMPORT_FAMILIES_DEEPSEEK_H
