//===- Cohere2.cpp - Command R7B and Command A ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Cohere.h"

using namespace mica;

/// Of every four layers, the last sees all and has no positions; the others
/// have a window.
static void read(Hyperparameters &in, ModelDescription &model) {
  readCohere(in, model, 10000);
  readWindows(in, model, 4096, [&](int64_t layer) {
    return (layer + 1) % in.size({"", "sliding_window_pattern"}, 4) != 0;
  });
  for (LayerDescription &layer : model.layers)
    if (!layer.window)
      layer.rope = -1;
}

static constexpr std::string_view names[] = {"cohere2"};

constinit const Family mica::familyCohere2 = {
    .name = "cohere2",
    .ggufNames = names,
    .configNames = names,
    .gguf = {{}, ggufNames, noPrefix, {}},
    .config = {{}, llamaLikeConfigNames, modelPrefix, ropeBuffers},
    .read = read,
};
