//===- Floats.cpp - FP8 and MXFP4 -----------------------------------------===//
//
// FP8: weight [N, K] of e4m3 and weight_scale_inv with a scale for each block
// of `weight_block_size`; without this setting, or named weight_scale, also one
// scale for all or one for each row.
//
// MXFP4: weight_blocks [N, K / 32, 16], two e2m1 codes to a byte, the low one
// first, and weight_scales [N, K / 32], exponents of 2 plus 127.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Quantized/Method.h"

using namespace mica;

/// `weight_block_size`: rows and columns; 0 where there are no blocks.
static std::pair<int64_t, int64_t> readBlockSize(Settings &settings) {
  const nlohmann::json &size = settings.json("weight_block_size");
  if (size.is_null())
    return {0, 0};
  auto isSize = [](const nlohmann::json &value) {
    return value.is_number_unsigned() && value.get<uint64_t>() > 0 &&
           value.get<uint64_t>() <= INT32_MAX;
  };
  if (size.is_array() && size.size() == 2 && isSize(size[0]) && isSize(size[1]))
    return {size[0].get<int64_t>(), size[1].get<int64_t>()};
  settings.fail("weight_block_size", "rows and columns of a block");
  return {0, 0};
}

/// A matrix of e4m3 with its scales; 0: no blocks.
static void addScaled(Module &module, int64_t blockRows, int64_t blockColumns) {
  auto &weight = module.need(".weight", {"F8_E4M3"}, {-1, -1});
  int64_t n = weight.shape[0], k = weight.shape[1];
  StoredMatrix::Parts parts;
  parts.kind = GroupCodes::E4M3;
  parts.codes = codesInRows(weight.data, n, k, 8, 1);
  bool plain = module.find(".weight_scale");
  module.blockScales(plain ? ".weight_scale" : ".weight_scale_inv",
                     blockRows ? blockRows : n, blockColumns ? blockColumns : k,
                     parts);
  module.offer(".weight", std::move(parts));
}

void mica::addScaledFP8(QuantizedTensors &tensors) {
  for (const std::string &name : tensors.named(".weight")) {
    Module module(tensors, name);
    bool floats =
        module.has(".weight", "F8_E4M3") || module.has(".weight", "F8_E5M2");
    if (floats &&
        (module.find(".weight_scale") || module.find(".weight_scale_inv")))
      addScaled(module, 0, 0);
  }
}

void mica::addFP8(Settings &settings, QuantizedTensors &tensors) {
  auto [blockRows, blockColumns] = readBlockSize(settings);
  settings.choice("fmt", {"e4m3"});
  if (settings.failed())
    return;
  for (const std::string &name : tensors.named(".weight")) {
    Module module(tensors, name);
    if (!module.has(".weight", "F8_E4M3") && !module.has(".weight", "F8_E5M2"))
      continue;
    addScaled(module, blockRows, blockColumns);
  }
}

void mica::addMXFP4(Settings &, QuantizedTensors &tensors) {
  for (const std::string &name : tensors.named(".weight_blocks")) {
    Module module(tensors, name);
    auto &blocks = module.need(".weight_blocks", {"U8"}, {-1, -1, 16});
    int64_t n = blocks.shape[0], groups = blocks.shape[1];
    auto &scales = module.need(".weight_scales", {"U8"}, {n, groups});
    module.offer(".weight", mxfp4Parts(blocks.data, scales.data, n, groups));
  }
}
