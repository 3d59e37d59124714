//===- Method.cpp - What methods of quantization share --------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Quantized/Method.h"
#include "lib/Import/Json.h"

#include <algorithm>
#include <cstring>

using namespace mica;
using nlohmann::json;

static std::string shapeText(const Module::Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] < 0 ? "*" : std::to_string(shape[i]));
  return text + "]";
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

QuantizedTensors::QuantizedTensors(std::string path,
                                   std::span<const Safetensors> files,
                                   TensorViews &views)
    : path(std::move(path)), views(views) {
  for (const Safetensors &file : files)
    for (const Safetensors::Tensor &tensor : file.tensors())
      places[tensor.name] = {&file, &tensor};
}

std::vector<std::string>
QuantizedTensors::named(std::string_view suffix) const {
  std::vector<std::string> names;
  for (const auto &[name, place] : places)
    if (name.ends_with(suffix))
      names.push_back(name.substr(0, name.size() - suffix.size()));
  return names;
}

const Module::Tensor *Module::find(std::string_view suffix) const {
  auto it = all.places.find(name + std::string(suffix));
  return it == all.places.end() ? nullptr : it->second.tensor;
}

void Module::fail(std::string_view suffix, const std::string &what) {
  if (failed())
    return;
  auto it = all.places.find(name + std::string(suffix));
  const std::string &file =
      it == all.places.end() ? all.path : it->second.file->path();
  all.status = Error{file + ": tensor " + quote(name + std::string(suffix)) +
                     " " + what};
}

const Module::Tensor &Module::need(std::string_view suffix, const Types &types,
                                   const Shape &shape) {
  harmless = {name, "F32", shape, nullptr, {}};
  for (int64_t &size : harmless.shape)
    size = std::max<int64_t>(size, 1);
  const Tensor *tensor = find(suffix);
  if (!tensor) {
    fail(suffix, "missing, expected for quantized " + quote(name));
    return harmless;
  }
  auto fits = [](int64_t found, int64_t wanted) {
    return wanted < 0 ? found > 0 : found == wanted;
  };
  if (std::ranges::find(types, tensor->dtype) == types.end())
    fail(suffix, "is " + tensor->dtype + ", expected " + anyOf(types));
  if (!std::ranges::equal(tensor->shape, shape, fits))
    fail(suffix, "has shape " + shapeText(tensor->shape) + ", expected " +
                     shapeText(shape));
  used.push_back(tensor->name);
  return failed() ? harmless : *tensor;
}

std::vector<int64_t> Module::integers(std::string_view suffix,
                                      const Shape &shape) {
  const Tensor &tensor = need(suffix, {"I32", "I64"}, shape);
  bool wide = tensor.dtype == "I64";
  std::vector<int64_t> values(tensor.data.size() / (wide ? 8 : 4));
  for (size_t i = 0; i < values.size(); ++i) {
    int32_t narrow = 0;
    if (wide)
      std::memcpy(&values[i], tensor.data.data() + 8 * i, 8);
    else
      std::memcpy(&narrow, tensor.data.data() + 4 * i, 4);
    if (!wide)
      values[i] = narrow;
  }
  return values;
}

ScaleTable Module::scales(std::string_view suffix, const Shape &shape) {
  const Tensor &tensor = need(suffix, {"F16", "BF16", "F32"}, shape);
  return {.type = tensor.dtype == "F16"    ? ScaleType::F16
                  : tensor.dtype == "BF16" ? ScaleType::BF16
                                           : ScaleType::F32,
          .data = tensor.data};
}

void Module::blockScales(std::string_view suffix, int64_t blockRows,
                         int64_t blockColumns, StoredMatrix::Parts &parts) {
  int64_t n = parts.codes.rows, k = parts.codes.columns;
  int64_t across = blocksOf(k, blockColumns);
  Shape shape = find(suffix) ? find(suffix)->shape : Shape{};
  parts.groupColumns = k;
  if (shape == Shape{} || shape == Shape{1}) {
    parts.scales = scales(suffix, shape);
  } else if (shape == Shape{n} || shape == Shape{n, 1}) {
    parts.scales = scales(suffix, shape);
    parts.scales.rowStep = 1;
  } else {
    parts.scales = scales(suffix, {blocksOf(n, blockRows), across});
    parts.scales.rowsPer = blockRows;
    parts.scales.rowStep = across;
    parts.scales.groupStep = 1;
    parts.groupColumns = blockColumns;
  }
}

void Module::order(std::string_view suffix, bool needed,
                   StoredMatrix::Parts &parts) {
  if (!needed && !find(suffix))
    return;
  int64_t k = parts.codes.columns, groups = blocksOf(k, parts.groupColumns);
  std::vector<int64_t> groupOf = integers(suffix, {k});
  bool ordered = true;
  for (int64_t i = 0; i < int64_t(groupOf.size()); ++i) {
    if (groupOf[i] < 0 || groupOf[i] >= groups)
      return fail(suffix, "has group " + std::to_string(groupOf[i]) +
                              " for column " + std::to_string(i) +
                              ", expected one of " + std::to_string(groups));
    ordered &= groupOf[i] == i / parts.groupColumns;
  }
  if (!ordered)
    parts.groupOf.assign(groupOf.begin(), groupOf.end());
}

void Module::offer(std::string_view suffix, StoredMatrix::Parts parts) {
  if (failed())
    return;
  std::string weight = name + std::string(suffix);
  bool isPart = std::ranges::find(used, weight) != used.end();
  if (!isPart && find(suffix))
    return fail(suffix, "found beside " + quote(used.front()) +
                            ", expected one of them");
  for (const std::string &part : used)
    all.views.find(part)->second.isPart = true;
  auto matrix = std::make_shared<const StoredMatrix>(std::move(parts));
  const TensorView &first = all.views.find(used.front())->second;
  TensorView view = {.name = weight,
                     .shape = {matrix->rows(), matrix->columns()},
                     .format = &matrix->format(),
                     .data = {},
                     .file = first.file,
                     .offset = first.offset,
                     .matrix = matrix};
  if (std::span<const float> order = matrix->order(); !order.empty()) {
    view.columnOrder = weight + ".order";
    all.views.insert_or_assign(view.columnOrder,
                               TensorView{.name = view.columnOrder,
                                          .shape = {matrix->columns()},
                                          .format = findFormat("F32"),
                                          .data = std::as_bytes(order),
                                          .file = first.file,
                                          .offset = first.offset,
                                          .isPart = true});
  }
  all.views.insert_or_assign(weight, std::move(view));
}

PackedCodes mica::codesInRows(std::span<const std::byte> data, int64_t rows,
                              int64_t columns, int bits, int wordBytes) {
  return {.data = data,
          .rows = rows,
          .columns = columns,
          .bits = bits,
          .wordBytes = wordBytes,
          .lineStep = blocksOf(columns * bits, 8 * wordBytes) * wordBytes,
          .wordStep = wordBytes};
}

StoredMatrix::Parts mica::mxfp4Parts(std::span<const std::byte> codes,
                                     std::span<const std::byte> scales,
                                     int64_t rows, int64_t groups) {
  StoredMatrix::Parts parts;
  parts.kind = GroupCodes::E2M1;
  parts.codes = codesInRows(codes, rows, 32 * groups, 4, 4);
  parts.scales = {.type = ScaleType::E8M0Half,
                  .data = scales,
                  .rowStep = groups,
                  .groupStep = 1};
  parts.groupColumns = 32;
  return parts;
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

using Add = void(Settings &, QuantizedTensors &);

static constexpr struct {
  std::string_view name;
  Add *add;
} methods[] = {{"gptq", addGPTQ},
               {"awq", addAWQ},
               {"compressed-tensors", addCompressedTensors},
               {"fp8", addFP8},
               {"bitsandbytes", addBitsAndBytes},
               {"mxfp4", addMXFP4}};

/// Scales of activations and of the cache: what is computed more exactly here
/// needs none.
static constexpr std::string_view unneeded[] = {
    ".input_scale",      ".input_zero_point", ".input_global_scale",
    ".activation_scale", ".output_scale",     ".output_zero_point",
    ".q_scale",          ".k_scale",          ".v_scale"};

/// Files of 2023 say only that 4 bits are asked for.
static bool isOldBitsAndBytes(const Settings &settings) {
  return settings.json("quant_method").is_null() &&
         !settings.json("load_in_4bit").is_null();
}

Status mica::addQuantized(const std::string &directory,
                          const std::string &configPath, const json &config,
                          std::span<const Safetensors> files,
                          TensorViews &views) {
  auto it = config.find("quantization_config");
  QuantizedTensors tensors(directory, files, views);
  if (it == config.end() || it->is_null()) {
    addScaledFP8(tensors);
    return tensors.status;
  }
  Settings settings = Settings(configPath, config, tensors.status)
                          .section("quantization_config");
  std::vector<std::string_view> names;
  for (const auto &method : methods)
    names.push_back(method.name);
  std::string name = isOldBitsAndBytes(settings)
                         ? "bitsandbytes"
                         : settings.choice("quant_method", names);
  if (settings.json("quant_method").is_null() && name != "bitsandbytes")
    settings.fail("quant_method", anyOf(names));
  for (const auto &method : methods)
    if (method.name == name && !settings.failed())
      method.add(settings, tensors);
  for (auto &[tensor, view] : views)
    for (std::string_view suffix : unneeded)
      view.isPart |= tensor.ends_with(suffix);
  return tensors.status;
}
