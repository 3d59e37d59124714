//===- CompressedTensors.cpp - llm-compressor's formats -------------------===//
//
// config_groups say how weights of some modules are quantized; which tensors a
// module has says by which format:
//
//   pack-quantized   weight_packed [N, ceil(K b / 32)] of I32, codes of b bits,
//                    offset by 2^(b - 1), and weight_shape [2]
//   int-quantized    weight [N, K] of I8
//   float-quantized  weight [N, K] of F8_E4M3
//   mxfp4-pack-quantized  weight_packed [N, K / 2] of U8, weight_scale of U8
//
// with weight_scale for all, for rows, for groups or for blocks and, unless
// symmetric, weight_zero_point: I8, or packed along N like weight_packed.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Quantized/Method.h"

#include <algorithm>

using namespace mica;

namespace {

/// How the weights of a config group are quantized.
struct Scheme {
  int bits = 8;
  bool isFloat = false;
  bool symmetric = true; ///< no zero points
  bool ordered = false;  ///< columns are not in the order of their groups
  /// Rows and columns that share a scale; 0: all.
  int64_t blockRows = 1, blockColumns = 0;
};

using Schemes = std::vector<Scheme>;

} // namespace

static void readStructure(Settings &weights, Scheme &scheme) {
  const nlohmann::json &size = weights.json("block_structure");
  if (size.is_null())
    return;
  if (!size.is_array() || size.size() != 2 || !size[0].is_number_unsigned() ||
      !size[1].is_number_unsigned() || size[0] < 1 || size[1] < 1 ||
      size[0] > INT32_MAX || size[1] > INT32_MAX)
    return weights.fail("block_structure", "rows and columns of a block");
  scheme.blockRows = size[0].get<int64_t>();
  scheme.blockColumns = size[1].get<int64_t>();
}

static Scheme readScheme(Settings weights) {
  Scheme scheme;
  scheme.bits = int(weights.integer("num_bits", 2, 8, 8));
  scheme.isFloat = weights.choice("type", {"int", "float"}) == "float";
  scheme.blockColumns =
      std::max<int64_t>(weights.integer("group_size", -1, INT32_MAX, 0), 0);
  weights.choice("strategy", {"group", "channel", "tensor", "block"});
  scheme.symmetric = weights.flag("symmetric", true);
  const nlohmann::json &order = weights.json("actorder");
  scheme.ordered = order == "group" || order == "dynamic" || order == true;
  readStructure(weights, scheme);
  return scheme;
}

static Schemes readSchemes(Settings &settings) {
  settings.choice("format",
                  {"pack-quantized", "int-quantized", "float-quantized",
                   "naive-quantized", "mxfp4-pack-quantized", "mixed-precision",
                   "dense"});
  if (settings.json("sparsity_config").is_object())
    settings.section("sparsity_config").choice("format", {"dense"});
  const nlohmann::json &transform = settings.json("transform_config");
  if (transform.is_object() && !transform.empty())
    settings.fail("transform_config", "none");
  Schemes schemes;
  Settings groups = settings.section("config_groups");
  if (settings.failed())
    return schemes;
  for (const auto &[name, group] : settings.json("config_groups").items()) {
    Settings section = groups.section(name.c_str());
    if (!section.json("weights").is_null())
      schemes.push_back(readScheme(section.section("weights")));
  }
  return schemes;
}

/// The first scheme that fits, if there is one rather with zero points where
/// the module has them and without where not; null if there is none.
static const Scheme *findScheme(const Schemes &schemes, const Module &module,
                                auto fits) {
  const Scheme *found = nullptr;
  bool symmetric = !module.find(".weight_zero_point");
  for (const Scheme &scheme : schemes)
    if (fits(scheme) && (!found || (found->symmetric != symmetric &&
                                    scheme.symmetric == symmetric)))
      found = &scheme;
  return found;
}

static void readScales(Module &module, const Scheme &scheme,
                       StoredMatrix::Parts &parts) {
  module.blockScales(
      ".weight_scale", scheme.blockRows,
      scheme.blockColumns ? scheme.blockColumns : parts.codes.columns, parts);
}

/// Zero points as signed bytes, or packed along the rows.
static void readZeros(Module &module, const Scheme &scheme,
                      StoredMatrix::Parts &parts) {
  const char *name = ".weight_zero_point";
  if (scheme.symmetric && !module.find(name))
    return;
  int bits = parts.codes.bits;
  int64_t n = parts.codes.rows;
  int64_t groups = blocksOf(parts.codes.columns, parts.groupColumns);
  if (module.has(name, "I32")) {
    auto &words = module.need(name, {"I32"}, {blocksOf(n * bits, 32), groups});
    parts.zeros = PackedCodes{.data = words.data,
                              .rows = n,
                              .columns = groups,
                              .bits = bits,
                              .across = true,
                              .lineStep = 4,
                              .wordStep = 4 * groups};
    return;
  }
  const Module::Tensor *found = module.find(name);
  bool isVector = groups == 1 && found && found->shape.size() == 1;
  auto &bytes = module.need(
      name, {"I8"}, isVector ? Module::Shape{n} : Module::Shape{n, groups});
  parts.zeros = codesInRows(bytes.data, n, groups, 8, 1);
  parts.zeros->flip = 0x80;
  parts.zeroAdd = (1 << (bits - 1)) - 128;
}

/// Codes packed in words. The shape stands in a tensor of its own.
static void addPacked(QuantizedTensors &tensors, const std::string &name,
                      const Schemes &schemes) {
  Module module(tensors, name);
  auto &words = module.need(".weight_packed", {"I32"}, {-1, -1});
  std::vector<int64_t> shape = module.integers(".weight_shape", {2});
  if (module.failed())
    return;
  int64_t n = shape[0], k = shape[1];
  if (n != words.shape[0] || k < 1 || k > 32 * words.shape[1])
    return module.fail(".weight_shape",
                       "says " + std::to_string(n) + " rows of " +
                           std::to_string(k) + ", expected " +
                           std::to_string(words.shape[0]) +
                           " rows of what 'weight_packed' has words for");
  const Scheme *scheme = findScheme(schemes, module, [&](const Scheme &s) {
    return !s.isFloat && blocksOf(k * s.bits, 32) == words.shape[1];
  });
  if (!scheme)
    return module.fail(".weight_packed",
                       "has " + std::to_string(words.shape[1]) +
                           " columns, expected the num_bits of one of the "
                           "config_groups for each of " +
                           std::to_string(k));
  StoredMatrix::Parts parts;
  parts.codes = codesInRows(words.data, n, k, scheme->bits, 4);
  readScales(module, *scheme, parts);
  readZeros(module, *scheme, parts);
  module.order(".weight_g_idx", scheme->ordered, parts);
  module.offer(".weight", std::move(parts));
}

/// Two e2m1 codes in each byte, with the exponents of scales.
static void addPackedFloats(QuantizedTensors &tensors,
                            const std::string &name) {
  Module module(tensors, name);
  auto &bytes = module.need(".weight_packed", {"U8"}, {-1, -1});
  int64_t n = bytes.shape[0], groups = bytes.shape[1] / 16;
  module.need(".weight_packed", {"U8"}, {n, 16 * std::max<int64_t>(groups, 1)});
  auto &scales = module.need(".weight_scale", {"U8"}, {n, groups});
  module.offer(".weight", mxfp4Parts(bytes.data, scales.data, n, groups));
}

/// Codes of a byte each: signed integers or floats.
static void addBytes(QuantizedTensors &tensors, const std::string &name,
                     bool isFloat, const Schemes &schemes) {
  Module module(tensors, name);
  auto &bytes = module.need(".weight", {"I8", "F8_E4M3"}, {-1, -1});
  StoredMatrix::Parts parts;
  parts.codes = codesInRows(bytes.data, bytes.shape[0], bytes.shape[1], 8, 1);
  if (isFloat)
    parts.kind = GroupCodes::E4M3;
  else
    parts.codes.flip = 0x80;
  const Scheme *found = findScheme(
      schemes, module, [&](const Scheme &s) { return s.isFloat == isFloat; });
  Scheme scheme = found ? *found : Scheme();
  readScales(module, scheme, parts);
  if (!isFloat)
    readZeros(module, scheme, parts);
  module.offer(".weight", std::move(parts));
}

void mica::addCompressedTensors(Settings &settings, QuantizedTensors &tensors) {
  Schemes schemes = readSchemes(settings);
  if (settings.failed())
    return;
  for (const std::string &name : tensors.named(".weight_packed"))
    if (Module(tensors, name).has(".weight_packed", "U8"))
      addPackedFloats(tensors, name);
    else
      addPacked(tensors, name, schemes);
  for (const std::string &name : tensors.named(".weight")) {
    Module module(tensors, name);
    for (std::string_view type : {"I8", "F8_E4M3", "F8_E5M2"})
      if (module.has(".weight", type))
        addBytes(tensors, name, type != "I8", schemes);
  }
}
