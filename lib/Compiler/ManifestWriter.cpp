//===- ManifestWriter.cpp - What an artifact says about itself ------------===//

#include "lib/Compiler/ManifestWriter.h"
#include "lib/Compiler/Source.h"
#include "llvm/ADT/StringExtras.h"
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace mica;
using nlohmann::ordered_json;

static ordered_json toJson(Attribute attr) {
  if (auto boolean = dyn_cast<BoolAttr>(attr))
    return boolean.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return integer.getInt();
  if (auto text = dyn_cast<StringAttr>(attr))
    return text.getValue().str();
  if (auto array = dyn_cast<ArrayAttr>(attr)) {
    ordered_json result = ordered_json::array();
    for (Attribute element : array)
      result.push_back(toJson(element));
    return result;
  }
  ordered_json result = ordered_json::object();
  if (auto dictionary = dyn_cast<DictionaryAttr>(attr))
    for (NamedAttribute entry : dictionary)
      result[entry.getName().str()] = toJson(entry.getValue());
  return result;
}

/// The names of phases, made distinct: the second "linear" is "linear 2".
static std::vector<std::string> phaseNames(ArrayAttr phases) {
  std::vector<std::string> names;
  std::map<std::string, int> seen;
  for (auto phase : phases.getAsRange<StringAttr>()) {
    std::string name = phase.getValue().str();
    int count = ++seen[name];
    names.push_back(count > 1 ? name + " " + std::to_string(count) : name);
  }
  return names;
}

/// Adds what one group computes to `entry`, the work of its phase.
static void addWork(ordered_json &entry, DictionaryAttr group) {
  auto number = [&](StringRef name) {
    auto value = group.getAs<IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  auto add = [&](const char *name, int64_t value) {
    if (value)
      entry[name] = entry.value(name, int64_t(0)) + value;
  };
  int64_t times = number("times");
  entry["calls"] = std::max(entry.value("calls", int64_t(0)), times);
  // Of experts a step reads those that its rows chose.
  int64_t parts = number("parts"), choices = number("choices");
  if (parts) {
    entry["experts"] = parts;
    entry["choices"] = choices;
  }
  add(parts ? "expert_bytes" : "weight_bytes",
      times * number("weight_bytes") / std::max<int64_t>(parts, 1));
  auto outRows = group.getAs<BoolAttr>("out_rows");
  add(outRows && outRows.getValue() ? "ops_per_output" : "ops_per_row",
      times * 2 * number("n") * number("k") * std::max<int64_t>(choices, 1));
  int64_t widths = number("key") + number("value");
  add("cache_bytes_per_token",
      times * number("kv_heads") *
          (widths * number("element_bits") / 8 + number("scale_bytes")));
  add("ops_per_row_token", times * 2 * number("heads") * widths);
  if (number("window"))
    entry["window"] = number("window");
}

/// One entry for each phase that computes anything.
static ordered_json phaseWork(ArrayAttr groups, ArrayAttr instructions,
                              const std::vector<std::string> &names) {
  std::map<int64_t, ordered_json> entries;
  for (auto group : groups.getAsRange<DictionaryAttr>()) {
    auto phase = group.getAs<IntegerAttr>("phase");
    if (!phase || phase.getInt() < 0 ||
        phase.getInt() >= static_cast<int64_t>(names.size()))
      continue;
    ordered_json &entry = entries[phase.getInt()];
    entry["phase"] = names[phase.getInt()];
    auto words = cast<StringAttr>(instructions[phase.getInt()]).getValue();
    auto input = group.getAs<StringAttr>("input");
    if (input && input.getValue().starts_with("i"))
      entry["type"] = input.str();
    else if (entry.value("type", "")[0] != 'i')
      entry["type"] = words.contains("bf16") ? "bf16" : "f32";
    entry["instructions"] = words.str();
    if (auto layout = group.getAs<StringAttr>("layout"))
      entry["layout"] = layout.str();
    addWork(entry, group);
  }
  ordered_json result = ordered_json::array();
  for (auto &[phase, entry] : entries)
    result.push_back(std::move(entry));
  return result;
}

static Expected<ordered_json> weightTable(ModuleOp module,
                                          const ManifestParts &parts) {
  ordered_json offsets = ordered_json::array();
  for (Attribute entry : module->getAttrOfType<ArrayAttr>("tile.weights")) {
    auto symbol = dyn_cast<FlatSymbolRefAttr>(entry);
    if (!symbol) {
      offsets.push_back(-1);
      continue;
    }
    auto it = parts.offsets.find(symbol.getValue());
    if (it == parts.offsets.end())
      return Error{"weight " + symbol.getValue().str() +
                   " of the table is not packed"};
    offsets.push_back(it->second);
  }
  return ordered_json{{"slots", toJson(module->getAttr("tile.slots"))},
                      {"layers", toJson(module->getAttr("tile.layers"))},
                      {"offsets", std::move(offsets)},
                      {"bytes", parts.weightBytes}};
}

static ordered_json codeImage(const ManifestParts &parts) {
  ordered_json features = ordered_json::array();
  for (StringRef feature : llvm::split(parts.target.features, ','))
    if (feature.consume_front("+"))
      features.push_back(feature.str());
  return {{"cpu", parts.target.cpu},
          {"features", std::move(features)},
          {"entry", parts.entry}};
}

/// Only what is there.
static ordered_json chatJson(const ChatSource &chat) {
  ordered_json result = {{"template", chat.text}};
  if (!chat.toolsText.empty())
    result["tools_template"] = chat.toolsText;
  result["bos_token"] = chat.bos;
  result["eos_token"] = chat.eos;
  return result;
}

/// The type as `--activations` has it.
static const char *activationsName(Type type) {
  return type.isInteger(8) ? "int8" : type.isBF16() ? "bf16" : "f32";
}

/// The manifest of an artifact with one image.
static Expected<ordered_json> describe(const ManifestParts &parts) {
  ModuleOp module = parts.module;
  for (StringRef name :
       {"mica.model", "tile.slots", "tile.layers", "tile.weights", "tile.arena",
        "tile.worker_bytes", "tile.kv", "tile.phases", "tile.work",
        "tile.stack", "tile.outputs"})
    if (!module->getAttr(name))
      return Error{"module without '" + name.str() +
                   "', expected the attribute"};
  auto arena = module->getAttrOfType<DenseI64ArrayAttr>("tile.arena");
  auto workerBytes = module->getAttrOfType<IntegerAttr>("tile.worker_bytes");
  std::vector<std::string> phases =
      phaseNames(module->getAttrOfType<ArrayAttr>("tile.phases"));
  auto instructions = module->getAttrOfType<ArrayAttr>("tile.instructions");
  if (!instructions || instructions.size() != phases.size())
    return Error{"module of " + std::to_string(phases.size()) +
                 " phases, expected 'tile.instructions' of each"};
  auto weights = weightTable(module, parts);
  if (!weights)
    return weights.takeError();
  ordered_json model = toJson(module->getAttr("mica.model"));
  ordered_json remarks = ordered_json::array();
  for (const Remark &remark : parts.remarks)
    remarks.push_back({{"kind", remark.missed ? "missed" : "done"},
                       {"message", remark.message}});
  ordered_json manifest = {
      {"version", 1},
      {"model", std::move(model)},
      {"code", ordered_json::array({codeImage(parts)})},
      {"arena",
       {{"row", arena[0]},
        {"out", arena[1]},
        {"worker", workerBytes.getInt()}}},
      {"max_rows", parts.maxRows},
      {"kv", toJson(module->getAttr("tile.kv"))},
      {"weights", std::move(*weights)},
      {"phases", phases},
      {"work", phaseWork(module->getAttrOfType<ArrayAttr>("tile.work"),
                         instructions, phases)},
      {"remarks", std::move(remarks)},
      {"stack", toJson(module->getAttr("tile.stack"))},
      {"outputs", toJson(module->getAttr("tile.outputs"))}};
  if (!parts.chat.text.empty())
    manifest["chat"] = chatJson(parts.chat);
  if (auto quant = module->getAttrOfType<StringAttr>("mica.quant"))
    manifest["quant"] = quant.str();
  if (auto type = module->getAttrOfType<TypeAttr>("mica.activations"))
    manifest["activations"] = activationsName(type.getValue());
  if (auto source = module->getAttrOfType<StringAttr>(kSourceAttribute))
    manifest["source"] = source.str();
  return manifest;
}

Expected<std::string>
mica::writeManifest(llvm::ArrayRef<ManifestParts> images) {
  auto first = describe(images.front());
  if (!first)
    return first.takeError();
  ordered_json manifest = std::move(*first);
  for (const ManifestParts &parts : images.drop_front()) {
    auto other = describe(parts);
    if (!other)
      return other.takeError();
    ordered_json image = codeImage(parts), instead = ordered_json::object();
    for (const char *key : {"arena", "kv", "weights", "phases", "work",
                            "remarks", "stack", "outputs"})
      if ((*other)[key] != manifest[key])
        instead[key] = (*other)[key];
    if (!instead.empty())
      image["instead"] = std::move(instead);
    manifest["code"].push_back(std::move(image));
    manifest["version"] = 2;
  }
  // Names come from the checkpoint and may be no UTF-8.
  return manifest.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}
