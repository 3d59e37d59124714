//===- Manifest.cpp - What an artifact says about itself ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Manifest.h"
#include "runtime/JsonNesting.h"

#include "nlohmann/json.hpp"

#include <algorithm>

using namespace mica;
using nlohmann::json;

namespace {

/// From version 2 on images may differ (`code[i].instead`).
constexpr int64_t kVersion = 2;
constexpr int64_t kMaxBytes = int64_t(1) << 46;

/// Reads fields of nested objects and keeps the first error, so that a reader
/// can be a plain list of fields. After an error every field reads as nothing.
class Reader {
public:
  /// `subject` begins the message: "file: manifest".
  explicit Reader(std::string subject) : subject(std::move(subject)) {}

  bool failed() const { return !message.empty(); }
  Error error() const { return Error{message}; }

  /// Records that `path` is `found` where `wanted` was expected.
  void fail(const std::string &path, const json &found,
            const std::string &wanted) {
    if (failed())
      return;
    // Replace what is no UTF-8: the value comes from the file.
    std::string text =
        found.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > 60)
      text = text.substr(0, 57) + "...";
    message = subject + ": " + path + " is " + text + ", expected " + wanted;
  }

  /// The member `key` of the object `in`, or null.
  const json &member(const json &in, const std::string &path, const char *key) {
    static const json null;
    if (!in.is_object()) {
      fail(path.empty() ? "the root" : path, in, "an object");
      return null;
    }
    auto it = in.find(key);
    return it == in.end() ? null : *it;
  }

  int64_t integer(const json &in, const std::string &path, const char *key,
                  int64_t low, int64_t high) {
    const json &value = member(in, path, key);
    return integer(value, join(path, key), low, high);
  }

  int64_t integer(const json &value, const std::string &path, int64_t low,
                  int64_t high) {
    bool fits = value.is_number_integer() &&
                !(value.is_number_unsigned() &&
                  value.get<uint64_t>() > uint64_t(INT64_MAX));
    int64_t number = fits ? value.get<int64_t>() : 0;
    if (fits && low <= number && number <= high)
      return number;
    fail(path, value,
         "an integer from " + std::to_string(low) + " to " +
             std::to_string(high));
    return low;
  }

  std::string string(const json &in, const std::string &path, const char *key) {
    return string(member(in, path, key), join(path, key));
  }

  std::string string(const json &value, const std::string &path,
                     size_t most = 4096) {
    if (value.is_string() &&
        value.get_ref<const std::string &>().size() <= most)
      return value.get<std::string>();
    fail(path, value, "a string");
    return "";
  }

  /// The elements of an array of at least `low` and at most `high`.
  const json &array(const json &in, const std::string &path, const char *key,
                    size_t low, size_t high) {
    static const json empty = json::array();
    const json &value = member(in, path, key);
    if (value.is_array() && low <= value.size() && value.size() <= high)
      return value;
    std::string wanted = low == high ? "an array of " + std::to_string(low)
                                     : "an array of " + std::to_string(low) +
                                           " to " + std::to_string(high);
    if (value.is_array())
      fail(join(path, key) + " of " + std::to_string(value.size()) +
               " elements",
           value, wanted);
    else
      fail(join(path, key), value, wanted);
    return empty;
  }

  static std::string join(const std::string &path, const char *key) {
    return path.empty() ? key : path + "." + key;
  }
  static std::string at(const char *array, size_t index) {
    return std::string(array) + "[" + std::to_string(index) + "]";
  }

private:
  std::string subject, message;
};

void readModel(Reader &r, const json &root, Manifest &m) {
  const json &model = r.member(root, "", "model");
  m.name = r.string(model, "model", "name");
  m.family = r.string(model, "model", "family");
  m.dtype = r.string(model, "model", "dtype");
  m.vocab = r.integer(model, "model", "vocab", 1, 1 << 24);
  m.paddedVocab = r.integer(model, "model", "padded_vocab", m.vocab, 1 << 24);
  m.maxContext = r.integer(model, "model", "max_context", 1, 1 << 30);
  m.embeddingWidth = 0;
  if (!r.member(model, "model", "embedding_width").is_null())
    m.embeddingWidth = r.integer(model, "model", "embedding_width", 0, 1 << 24);
  const json &causal = r.member(model, "model", "causal");
  if (!causal.is_null() && !causal.is_boolean())
    r.fail("model.causal", causal, "a bool");
  m.causal = causal != false;
  m.parameters = r.integer(model, "model", "parameters", 0, int64_t(1) << 50);
  m.layers = r.integer(model, "model", "layers", 0, 1 << 16);
}

void readCode(Reader &r, const json &root, Manifest &m) {
  const json &images = r.array(root, "", "code", 1, 32);
  for (size_t i = 0; i < images.size(); ++i) {
    std::string path = Reader::at("code", i);
    CodeImage image;
    image.cpu = r.string(images[i], path, "cpu");
    image.entry = r.integer(images[i], path, "entry", 0, kMaxBytes);
    const json &features = r.array(images[i], path, "features", 0, 256);
    for (const json &feature : features)
      image.features.push_back(r.string(feature, path + ".features"));
    m.code.push_back(std::move(image));
  }
}

void readCache(Reader &r, const json &root, Manifest &m) {
  const json &groups = r.array(root, "", "kv", 0, 64);
  for (size_t i = 0; i < groups.size(); ++i) {
    const json &in = groups[i];
    std::string path = Reader::at("kv", i);
    CacheGroup group;
    group.name = r.string(in, path, "name");
    group.layers = r.integer(in, path, "layers", 1, 1 << 16);
    group.heads = r.integer(in, path, "heads", 1, 1 << 16);
    group.pageTokens = r.integer(in, path, "page_tokens", 0, 1 << 16);
    group.blockBytes = r.integer(in, path, "block_bytes", 1, 1 << 30);
    group.window = r.integer(in, path, "window", 0, 1 << 30);
    group.element = r.string(in, path, "element");
    group.keyDim = r.integer(in, path, "key_dim", 1, 1 << 16);
    group.valueDim = r.integer(in, path, "value_dim", 1, 1 << 16);
    if (!r.failed() && group.pageBytes() > uint64_t(kMaxBytes))
      r.fail(path + ".block_bytes", in["block_bytes"], "a smaller block");
    m.cache.push_back(std::move(group));
  }
}

void readWeights(Reader &r, const json &root, Manifest &m) {
  const json &weights = r.member(root, "", "weights");
  m.weightSlots = r.integer(weights, "weights", "slots", 0, 1 << 12);
  m.weightLayers = r.integer(weights, "weights", "layers", 0, 1 << 12);
  m.weightBytes = r.integer(weights, "weights", "bytes", 0, kMaxBytes);
  size_t count = size_t(m.weightSlots) * m.weightLayers;
  const json &offsets = r.array(weights, "weights", "offsets", count, count);
  m.weightOffsets.reserve(offsets.size());
  for (size_t i = 0; i < offsets.size() && !r.failed(); ++i) {
    std::string path = Reader::at("weights.offsets", i);
    int64_t last = std::max<int64_t>(int64_t(m.weightBytes) - 1, -1);
    int64_t offset = r.integer(offsets[i], path, -1, last);
    if (offset > 0 && offset % 64)
      r.fail(path, offsets[i], "a multiple of 64");
    m.weightOffsets.push_back(offset);
  }
}

void readArena(Reader &r, const json &root, Manifest &m) {
  const json &arena = r.member(root, "", "arena");
  m.arenaBytes[0] = r.integer(arena, "arena", "row", 0, int64_t(1) << 28);
  m.arenaBytes[1] = r.integer(arena, "arena", "out", 0, int64_t(1) << 28);
  m.arenaBytes[2] = r.integer(arena, "arena", "worker", 0, int64_t(1) << 34);
  m.maxRows = r.integer(root, "", "max_rows", 1, 1 << 16);
}

/// The place of `value` in `words`.
template <size_t N>
uint8_t readWord(Reader &r, const json &in, const std::string &path,
                 const char *key, const char *const (&words)[N]) {
  std::string wanted, word = r.string(in, path, key);
  for (size_t i = 0; i < N; ++i) {
    if (word == words[i])
      return i;
    wanted += (i ? ", '" : "one of '") + std::string(words[i]) + "'";
  }
  r.fail(Reader::join(path, key), json(word), wanted);
  return 0;
}

void readStack(Reader &r, const json &root, Manifest &m) {
  if (r.member(root, "", "stack").is_null())
    return;
  const json &stack = r.array(root, "", "stack", 0, 1 << 16);
  for (size_t i = 0; i < stack.size() && !r.failed(); ++i) {
    std::string path = Reader::at("stack", i);
    StackLayer layer;
    layer.function = r.string(stack[i], path, "function");
    const json &kv = r.array(stack[i], path, "kv", 0, m.cache.size());
    const json &at = r.array(stack[i], path, "kv_layer", kv.size(), kv.size());
    for (size_t k = 0; k < kv.size() && !r.failed(); ++k) {
      int64_t last = int64_t(m.cache.size()) - 1;
      layer.kv.push_back(r.integer(kv[k], path + ".kv", 0, last));
      last = int64_t(m.cache[layer.kv[k]].layers) - 1;
      layer.kvLayer.push_back(r.integer(at[k], path + ".kv_layer", 0, last));
    }
    m.stack.push_back(std::move(layer));
  }
}

/// Checks that `output` lies in the cache group whose index is its offset, in
/// the layout of docs/architecture.md.
void checkCached(Reader &r, const json &in, const std::string &path,
                 const OpOutput &output, const Manifest &m) {
  const CacheGroup &group = m.cache[output.offset];
  static const char *const elements[] = {"f32", "f16", "bf16", "i8"};
  uint64_t pair = output.element == OpOutput::BF16 ? 2 : 1;
  uint64_t keys = (group.keyDim + pair - 1) / pair * pair;
  uint64_t values = (uint64_t(group.valueDim) + 15) / 16 * 16;
  uint64_t bytes = output.element == OpOutput::F32 ? 4 : 2;
  bool isKey = output.arena == OpOutput::Keys;
  if (group.element != elements[output.element])
    r.fail(path + ".element", in["element"], "that of the cache group");
  else if (output.columns !=
           uint64_t(group.heads) * (isKey ? group.keyDim : group.valueDim))
    r.fail(path + ".columns", in["columns"], "those of the cache group");
  else if (group.isState() || group.pageTokens % 16 ||
           (keys + values) * group.pageTokens * bytes > group.blockBytes)
    r.fail(path + ".offset", in["offset"],
           "a cache group whose blocks hold whole tokens");
}

OpOutput readOutput(Reader &r, const json &in, const std::string &path,
                    const Manifest &m) {
  static const char *const arenas[] = {"row", "out", "logits", "keys",
                                       "values"};
  static const char *const elements[] = {"f32", "f16", "bf16", "i8"};
  OpOutput o = {};
  o.function = r.string(in, path, "function");
  o.op = r.string(in, path, "op");
  for (const json &name : r.array(in, path, "names", 0, 256))
    o.names += (o.names.empty() ? "" : ", ") + r.string(name, path + ".names");
  if (!r.member(in, path, "role").is_null())
    o.role = r.string(in, path, "role");
  o.phase = r.integer(in, path, "phase", 0, int64_t(m.phases.size()) - 1);
  o.arena = OpOutput::Arena(readWord(r, in, path, "arena", arenas));
  o.element = OpOutput::Element(readWord(r, in, path, "element", elements));
  o.stride = r.integer(in, path, "stride", 1, 1 << 26);
  o.columns = r.integer(in, path, "columns", 1, o.stride);
  bool cached = o.arena >= OpOutput::Keys;
  int64_t last = cached                        ? int64_t(m.cache.size()) - 1
                 : o.arena == OpOutput::Logits ? 0
                                               : int64_t(1) << 28;
  o.offset = r.integer(in, path, "offset", 0, last);
  if (r.failed())
    return o;
  uint64_t bytes = o.stride * uint64_t(o.element == OpOutput::F32  ? 4
                                       : o.element == OpOutput::I8 ? 1
                                                                   : 2);
  bool isI8 = o.element == OpOutput::I8;
  if (isI8 &&
      (cached || o.columns % 32 || o.columns + o.columns / 8 > o.stride)) {
    r.fail(path + ".stride", in["stride"], "groups of 32 and their scales");
    return o;
  }
  if (isI8 && !r.member(in, path, "bf16_from").is_null())
    o.bf16From = r.integer(in, path, "bf16_from", 1,
                           2 * o.columns <= o.stride ? m.maxRows : 0);
  if (r.failed())
    return o;
  if (cached)
    checkCached(r, in, path, o, m);
  else if (o.arena == OpOutput::Logits &&
           (o.stride > m.resultStride() || o.element != OpOutput::F32))
    r.fail(path + ".stride", in["stride"], "f32 logits of the vocabulary");
  else if (o.arena != OpOutput::Logits &&
           (o.offset % 64 || o.offset + bytes > m.arenaBytes[o.arena]))
    r.fail(path + ".offset", in["offset"], "a place in the arena");
  return o;
}

void readOutputs(Reader &r, const json &root, Manifest &m) {
  if (!r.member(root, "", "outputs").is_null()) {
    const json &outputs = r.array(root, "", "outputs", 0, 1 << 16);
    for (size_t i = 0; i < outputs.size() && !r.failed(); ++i)
      m.outputs.push_back(
          readOutput(r, outputs[i], Reader::at("outputs", i), m));
  }
  if (!r.member(root, "", "quant").is_null())
    m.quant = r.string(root, "", "quant");
  if (!r.member(root, "", "activations").is_null())
    m.activations = r.string(root, "", "activations");
  if (!r.member(root, "", "source").is_null())
    m.source = r.string(root, "", "source");
}

void readChat(Reader &r, const json &root, Manifest &m) {
  const json &chat = r.member(root, "", "chat");
  if (chat.is_null())
    return;
  auto read = [&](const char *key, std::string &into, size_t most) {
    const json &value = r.member(chat, "chat", key);
    if (!value.is_null())
      into = r.string(value, Reader::join("chat", key), most);
  };
  read("template", m.chat.text, 1 << 20);
  read("tools_template", m.chat.toolsText, 1 << 20);
  read("bos_token", m.chat.bos, 4096);
  read("eos_token", m.chat.eos, 4096);
}

/// The array `key` as text; an absent one is empty.
std::string readOpaque(Reader &r, const json &root, const char *key) {
  const json &value = r.member(root, "", key);
  if (value.is_null())
    return "[]";
  if (!value.is_array())
    r.fail(key, value, "an array");
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

} // namespace

/// The parts of the manifest that an image may have of its own.
static constexpr const char *kOfImages[] = {
    "arena", "kv", "outputs", "phases", "remarks", "stack", "weights", "work"};

/// Puts what image `i` has `instead` into `root`.
static void takeImage(Reader &r, json &root, size_t i) {
  if (!root.is_object() || !root.contains("code") || !root["code"].is_array() ||
      i >= root["code"].size())
    return; // Whoever reads it says so.
  const json instead =
      r.member(root["code"][i], Reader::at("code", i), "instead");
  if (instead.is_null())
    return;
  std::string path = Reader::at("code", i) + ".instead";
  if (!instead.is_object())
    return r.fail(path, instead, "an object");
  for (const auto &[key, value] : instead.items()) {
    if (std::ranges::find(kOfImages, key) == std::end(kOfImages))
      return r.fail(path.append(".").append(key), value,
                    "none, for images share it");
    root[key] = value;
  }
}

static Manifest readManifest(Reader &r, const json &root, uint32_t image) {
  Manifest m = {};
  m.image = image;
  r.integer(root, "", "version", 1, kVersion);
  readModel(r, root, m);
  readCode(r, root, m);
  readArena(r, root, m);
  readCache(r, root, m);
  readWeights(r, root, m);
  const json &phases = r.array(root, "", "phases", 0, 4096);
  for (size_t i = 0; i < phases.size(); ++i)
    m.phases.push_back(r.string(phases[i], Reader::at("phases", i)));
  readStack(r, root, m);
  readOutputs(r, root, m);
  readChat(r, root, m);
  m.work = readOpaque(r, root, "work");
  m.remarks = readOpaque(r, root, "remarks");
  return m;
}

Expected<std::vector<Manifest>> mica::parseManifests(std::string_view text,
                                                     const std::string &file) {
  if (size_t depth = jsonNesting(text); depth > kMaxJsonNesting)
    return Error{file + ": manifest nested " + std::to_string(depth) +
                 " deep, expected at most " + std::to_string(kMaxJsonNesting)};
  const json root = json::parse(text, nullptr, false);
  if (root.is_discarded())
    return Error{file + ": manifest is no JSON, expected an object"};
  std::vector<Manifest> manifests;
  do {
    size_t image = manifests.size();
    Reader r(file + ": manifest" +
             (image ? " of code " + std::to_string(image) : ""));
    json view = root;
    takeImage(r, view, image);
    manifests.push_back(readManifest(r, view, image));
    if (r.failed())
      return r.error();
  } while (manifests.size() < manifests.front().code.size());
  return manifests;
}
