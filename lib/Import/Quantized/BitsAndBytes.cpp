//===- BitsAndBytes.cpp - NF4 ---------------------------------------------===//
//
// weight [N K / 2, 1] holds two codes to a byte, the high one first, row after
// row. Every `blocksize` of them share a scale, weight.absmax, which may itself
// be codes of 8 bits: an entry of weight.nested_quant_map, times an f32 of
// weight.nested_absmax for every `nested_blocksize`, plus `nested_offset`.
// Sizes stand in weight.quant_state.bitsandbytes__nf4, which is JSON.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Json.h"
#include "lib/Import/Quantized/Method.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace mica;

static constexpr const char *stateName =
    ".weight.quant_state.bitsandbytes__nf4";
static constexpr uint8_t highFirst[] = {1, 0};

/// What the quantization state says.
struct State {
  int64_t rows = 1, columns = 1, block = 1, nestedBlock = 1;
  float nestedOffset = 0;
};

static State readState(Module &module) {
  const Module::Tensor &tensor = module.need(stateName, {"U8"}, {-1});
  State state;
  Expected<nlohmann::json> parsed = parseJsonObject("state", tensor.data);
  if (!parsed) {
    module.fail(stateName, "is no JSON object, expected one");
    return state;
  }
  Status status;
  Settings in("", *parsed, status);
  in.choice("quant_type", {"nf4"});
  state.block = in.integer("blocksize", 1, INT32_MAX);
  state.nestedBlock = in.integer("nested_blocksize", 1, INT32_MAX, 1);
  state.nestedOffset = float(in.number("nested_offset", 0));
  auto isSize = [](const nlohmann::json &value) {
    return value.is_number_unsigned() && value.get<uint64_t>() > 0 &&
           value.get<uint64_t>() <= INT32_MAX;
  };
  const nlohmann::json &shape = in.json("shape");
  if (shape.is_array() && shape.size() == 2 && isSize(shape[0]) &&
      isSize(shape[1])) {
    state.rows = shape[0].get<int64_t>();
    state.columns = shape[1].get<int64_t>();
  } else {
    in.fail("shape", "rows and columns");
  }
  if (!status) // without the ": " in front
    module.fail(stateName, "says" + status.error().message.substr(1));
  return state;
}

static std::vector<float> floatsOf(std::span<const std::byte> data) {
  std::vector<float> values(data.size() / 4);
  std::memcpy(values.data(), data.data(), 4 * values.size());
  return values;
}

/// The scale of every block of a matrix that is one line of codes.
static ScaleTable readScales(Module &module, const State &state,
                             int64_t group) {
  int64_t count = blocksOf(state.rows * state.columns, state.block);
  bool isNested = module.has(".weight.absmax", "U8");
  auto &absmax = module.need(".weight.absmax", {"F32", "U8"}, {count});
  ScaleTable scales{.type = ScaleType::F32,
                    .data = absmax.data,
                    .rowStep = state.columns,
                    .groupStep = group,
                    .per = state.block};
  if (!isNested)
    return scales;
  auto &map = module.need(".weight.nested_quant_map", {"F32"}, {256});
  auto &factors = module.need(".weight.nested_absmax", {"F32"},
                              {blocksOf(count, state.nestedBlock)});
  auto nested = std::make_shared<NestedScales>();
  nested->scales = factors.data;
  nested->per = state.nestedBlock;
  nested->offset = state.nestedOffset;
  if (!module.failed())
    std::ranges::copy(floatsOf(map.data), nested->values.begin());
  scales.nested = std::move(nested);
  return scales;
}

/// The codebook stands in the file too.
static void checkCodebook(Module &module) {
  if (!module.find(".weight.quant_map"))
    return;
  auto &map = module.need(".weight.quant_map", {"F32"}, {16});
  if (!module.failed() && !std::ranges::equal(floatsOf(map.data), nf4Values()))
    module.fail(".weight.quant_map", "is another codebook, expected NF4's");
}

void mica::addBitsAndBytes(Settings &settings, QuantizedTensors &tensors) {
  if (settings.flag("load_in_8bit", false))
    settings.fail("load_in_8bit", "false");
  settings.choice("bnb_4bit_quant_type", {"nf4"});
  settings.choice("bnb_4bit_quant_storage", {"uint8"});
  if (settings.failed())
    return;
  for (const std::string &name : tensors.named(".weight.absmax")) {
    Module module(tensors, name);
    State state = readState(module);
    int64_t n = state.rows, k = state.columns;
    auto &weight = module.need(".weight", {"U8"}, {blocksOf(n * k, 2), 1});
    StoredMatrix::Parts parts;
    parts.kind = GroupCodes::NF4;
    parts.codes = codesInRows(weight.data, n, k, 4, 1);
    parts.codes.lineStep = 0;
    parts.codes.order = highFirst;
    parts.groupColumns = std::gcd(k, state.block);
    parts.scales = readScales(module, state, parts.groupColumns);
    checkCodebook(module);
    module.offer(".weight", std::move(parts));
  }
}
