//===- Phi3.cpp - Phi-3 and Phi-4 -----------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.heads = 32, .eps = 1e-5, .context = 4096});
  model.activation = readActivation(in, "hidden_act", "silu");
  readWindows(in, model, 0, everyLayer);
  useRope(model, ropeTable(readRope(in, model, {.originalContext = 4096})));
}

static constexpr TensorPattern fused(Role role, std::string_view name,
                                     Fused kind = Fused::QueryKeyValue) {
  return {.role = role, .name = name, .fused = kind};
}

static constexpr TensorPattern ggufPatterns[] = {
    fused(Role::Query, "blk.{}.attn_qkv.weight"),
    fused(Role::Key, "blk.{}.attn_qkv.weight"),
    fused(Role::Value, "blk.{}.attn_qkv.weight"),
    fused(Role::Gate, "blk.{}.ffn_up.weight", Fused::GateUp),
    fused(Role::Up, "blk.{}.ffn_up.weight", Fused::GateUp),
};
static constexpr TensorPattern configPatterns[] = {
    fused(Role::Query, "layers.{}.self_attn.qkv_proj.weight"),
    fused(Role::Key, "layers.{}.self_attn.qkv_proj.weight"),
    fused(Role::Value, "layers.{}.self_attn.qkv_proj.weight"),
    fused(Role::Gate, "layers.{}.mlp.gate_up_proj.weight", Fused::GateUp),
    fused(Role::Up, "layers.{}.mlp.gate_up_proj.weight", Fused::GateUp),
};

static constexpr std::string_view names[] = {"phi3"};

constinit const Family mica::familyPhi3 = {
    .name = "phi3",
    .ggufNames = names,
    .configNames = names,
    .gguf = {ggufPatterns, ggufNames, noPrefix, ropeFactors},
    .config = {configPatterns, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
