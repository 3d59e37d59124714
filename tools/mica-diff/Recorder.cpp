//===- Recorder.cpp - The rows that a compiled model computes -------------===//

#include "tools/mica-diff/Recorder.h"
#include "mica/abi.h"

#include <bit>
#include <cstring>

using namespace mica;

std::string mica::describe(const OpOutput &output, int64_t layer) {
  return (layer < 0 ? "" : "layer " + std::to_string(layer) + ", ") +
         output.names;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static float floatFromF16(uint16_t bits) {
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}

/// Element `index` of an array.
static float load(const uint8_t *from, uint64_t index,
                  OpOutput::Element element) {
  if (element == OpOutput::F32) {
    float value;
    std::memcpy(&value, from + 4 * index, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, from + 2 * index, 2);
  return element == OpOutput::F16 ? floatFromF16(bits)
                                  : std::bit_cast<float>(uint32_t(bits) << 16);
}

/// Column `column` of a row of integers in groups.
static float loadScaled(const uint8_t *row, uint64_t columns, uint64_t column) {
  constexpr uint64_t group = 32;
  float scale = load(row + columns, column / group, OpOutput::F32);
  return scale * static_cast<int8_t>(row[column]);
}

/// Where rows of a step lie in the workspace or the logits.
static std::vector<float> readArena(const OpOutput &output,
                                    const mica_step &step) {
  uint64_t units = output.arena == OpOutput::Row ? step.rows : step.outs;
  const uint8_t *begin = output.arena == OpOutput::Logits
                             ? reinterpret_cast<const uint8_t *>(step.logits)
                             : step.arena[output.arena] + output.offset * units;
  bool isI8 = output.element == OpOutput::I8;
  bool isMany = isI8 && output.bf16From && units >= output.bf16From;
  std::vector<float> values;
  values.reserve(units * output.columns);
  for (uint64_t row = 0; row < units; ++row) {
    const uint8_t *from = begin + row * output.stride;
    for (uint64_t column = 0; column < output.columns; ++column)
      values.push_back(
          isMany ? load(from, column, OpOutput::BF16)
          : isI8 ? loadScaled(from, output.columns, column)
                 : load(begin, row * output.stride + column, output.element));
  }
  return values;
}

/// The keys or values of a step's rows, from the cache: keys are
/// [P/16][key/g][16][g], values behind them [value/16][P/g][16][g], g elements
/// in a dword for bf16, else 1 (docs/architecture.md).
static std::vector<float> readCache(const OpOutput &output,
                                    const mica_step &step,
                                    const CacheGroup &group, uint32_t layer) {
  const mica_kv_group &kv = step.kv[output.offset];
  uint64_t g = output.element == OpOutput::BF16 ? 2 : 1;
  uint64_t page = group.pageTokens, keyPairs = (group.keyDim + g - 1) / g;
  bool isKey = output.arena == OpOutput::Keys;
  uint64_t width = isKey ? group.keyDim : group.valueDim;
  std::vector<float> values;
  values.reserve(uint64_t(step.rows) * output.columns);
  for (uint32_t row = 0; row < step.rows; ++row) {
    uint64_t number = kv.slot[row] / page, n = kv.slot[row] % page;
    for (uint64_t head = 0; head < group.heads; ++head) {
      const uint8_t *block =
          kv.pool + ((number * group.layers + layer) * group.heads + head) *
                        group.blockBytes;
      for (uint64_t c = 0; c < width; ++c) {
        uint64_t index =
            isKey
                ? ((n / 16 * keyPairs + c / g) * 16 + n % 16) * g + c % g
                : page * keyPairs * g +
                      ((c / 16 * (page / g) + n / g) * 16 + c % 16) * g + n % g;
        values.push_back(load(block, index, output.element));
      }
    }
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Recorder
//===----------------------------------------------------------------------===//

Recorder::Recorder(Model &model) : model(model) {
  const auto &stack = model.manifest().stack;
  for (size_t layer = 0; layer < stack.size(); ++layer)
    layersOf[stack[layer].function].push_back(layer);
  model.observePhases(
      [this](const mica_step &step, uint32_t phase) { record(step, phase); });
}

Recorder::~Recorder() { model.observePhases({}); }

void Recorder::clear() {
  calls.clear();
  recorded.clear();
  places.clear();
}

const RecordedRows *Recorder::find(int64_t layer, const std::string &op) const {
  auto it = places.find({layer, op});
  return it == places.end() ? nullptr : &recorded[it->second];
}

/// The layer that has just run the phase of `output`.
int64_t Recorder::nextLayer(const OpOutput &output) {
  auto it = layersOf.find(output.function);
  if (it == layersOf.end())
    return -1;
  size_t call = calls[&output]++;
  return it->second[std::min(call, it->second.size() - 1)];
}

/// The place of `layer` in the cache group `group`; -1 if it is not there.
static int64_t placeIn(const Manifest &manifest, int64_t layer,
                       uint64_t group) {
  if (layer < 0)
    return -1;
  const StackLayer &of = manifest.stack[layer];
  auto it = std::find(of.kv.begin(), of.kv.end(), group);
  return it == of.kv.end() ? -1 : of.kvLayer[it - of.kv.begin()];
}

void Recorder::record(const mica_step &step, uint32_t phase) {
  const Manifest &manifest = model.manifest();
  for (const OpOutput &output : manifest.outputs) {
    if (output.phase != phase)
      continue;
    int64_t layer = nextLayer(output);
    bool cached = output.arena >= OpOutput::Keys;
    int64_t place = cached ? placeIn(manifest, layer, output.offset) : 0;
    if (place < 0)
      continue; // A cache that is not the layer's.
    places[{layer, output.op}] = recorded.size();
    recorded.push_back(
        {&output, layer,
         cached ? readCache(output, step, manifest.cache[output.offset], place)
                : readArena(output, step)});
  }
}
