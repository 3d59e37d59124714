//===- DeepSeekV3.cpp - DeepSeek-V3 and R1 --------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/DeepSeek.h"

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readDeepSeek(in, model, in.flag({"", "rope_interleave"}, true));
  readExperts(in, model, {.normalize = true, .sigmoid = true});
}

// Layers behind the last one predict further tokens.
static constexpr std::string_view ignored[] = {"*.rotary_emb.inv_freq"};
static constexpr std::string_view configNames[] = {"deepseek_v3"};

constinit const Family mica::familyDeepSeekV3 = {
    .name = "deepseek_v3",
    .ggufNames = {},
    .configNames = configNames,
    .gguf = {},
    .config = {latentConfigNames, llamaLikeConfigNames, modelPrefix, ignored},
    .read = read,
};
