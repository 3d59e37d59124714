//===- QuantizedFiles.h - Quantized directories that tests write -*- C++ -*-==//
//
// One linear layer "m", small enough to be worked out by hand: eight rows n
// with a scale of 2^-n, and codes that count up.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_LIB_IMPORT_QUANTIZEDFILES_H
#define TEST_LIB_IMPORT_QUANTIZEDFILES_H

#include "test/lib/Import/TestFiles.h"

#include <cmath>
#include <functional>

namespace mica::test {

using Json = nlohmann::json;

using Number = std::function<double(int64_t, int64_t)>;

/// A tensor to be written.
struct Stored {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};

/// `rows` x `columns` numbers of type T.
template <class T>
inline Stored stored(const std::string &dtype, int64_t rows, int64_t columns,
                     const Number &number) {
  Bytes bytes;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      bytes.put(T(number(r, c)));
  return {dtype, {rows, columns}, bytes.text};
}

/// The same in words of 32 bits, each with some numbers of a row.
inline Stored packed(int64_t rows, int64_t columns, int bits,
                     const Number &number, std::vector<int> order = {}) {
  int count = 32 / bits;
  auto word = [&](int64_t r, int64_t c) {
    uint32_t sum = 0;
    for (int i = 0; i < count; ++i) {
      int64_t at = c * count + (order.empty() ? i : order[i]);
      sum |= (at < columns ? uint32_t(number(r, at)) : 0) << i * bits;
    }
    return double(sum);
  };
  return stored<uint32_t>("I32", rows, (columns + count - 1) / count, word);
}

/// With rows and columns swapped.
inline Stored turned(Stored matrix) {
  Stored result = matrix;
  int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  size_t size = matrix.bytes.size() / (rows * columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      result.bytes.replace((c * rows + r) * size, size, matrix.bytes,
                           (r * columns + c) * size, size);
  std::swap(result.shape[0], result.shape[1]);
  return result;
}

inline Stored text(const std::string &value) {
  return {"U8", {int64_t(value.size())}, value};
}

/// Scales of f16 and f32.
inline Stored halves(int64_t rows, int64_t columns, const Number &number) {
  return stored<_Float16>("F16", rows, columns, number);
}
inline Stored floats(int64_t rows, int64_t columns, const Number &number) {
  return stored<float>("F32", rows, columns, number);
}

/// A directory with a linear layer "m".
struct Directory {
  Json settings;
  std::map<std::string, Stored> tensors = {};
  std::string header = {}, config = {}, file = {};

  Expected<Checkpoint> open() {
    SafetensorsWriter w;
    for (const auto &[name, tensor] : tensors)
      w.tensor(name, tensor.dtype, tensor.shape, tensor.bytes);
    file = w.file();
    config = Json{{"quantization_config", settings}}.dump();
    return parse();
  }
  /// The checkpoint of `config` and `file`.
  Expected<Checkpoint> parse() {
    Expected<Safetensors> shard =
        Safetensors::parse(MappedFile::borrow("d/m.st", asBytes(file)));
    if (!shard)
      return shard.takeError();
    return Checkpoint::fromParts(
        "d", MappedFile::borrow("d/config.json", asBytes(config)), nullptr,
        {*shard});
  }
  std::string error() {
    Expected<Checkpoint> checkpoint = open();
    return checkpoint ? "no error" : checkpoint.error().message;
  }
};

inline double code(int64_t n, int64_t k) { return double((n + k) % 16); }
inline double half(int64_t n) { return std::ldexp(1.0, -int(n)); }

/// 8 x 8, two groups of 4 with the zero point `zero(n, g)`.
inline Directory gptq(const Number &zero, int version = 1) {
  Directory d{{{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 4}}};
  if (version == 2)
    d.settings["checkpoint_format"] = "gptq_v2";
  d.tensors["m.qweight"] = turned(packed(8, 8, 4, code));
  d.tensors["m.qzeros"] = packed(2, 8, 4, [=](int64_t g, int64_t n) {
    return zero(n, g) - (version == 1);
  });
  d.tensors["m.scales"] = halves(
      2, 8, [](int64_t g, int64_t n) { return double(1 + g) * half(n); });
  d.tensors["other.weight"] = floats(2, 2, code);
  return d;
}

/// 8 x 8, two groups of 4 with the zero point `zero(n, g)`.
inline Directory awq(const Number &zero) {
  Directory d{{{"quant_method", "awq"},
               {"bits", 4},
               {"group_size", 4},
               {"version", "GEMM"}}};
  auto byColumn = [](const Number &number) {
    return [=](int64_t k, int64_t n) { return number(n, k); };
  };
  std::vector<int> order = {0, 2, 4, 6, 1, 3, 5, 7};
  d.tensors["m.qweight"] = packed(8, 8, 4, byColumn(code), order);
  d.tensors["m.qzeros"] = packed(2, 8, 4, byColumn(zero), order);
  d.tensors["m.scales"] = halves(
      2, 8, [](int64_t g, int64_t n) { return double(1 + g) * half(n); });
  return d;
}

inline Directory compressed(const std::string &format, const Json &weights) {
  return {{{"quant_method", "compressed-tensors"},
           {"format", format},
           {"config_groups", {{"group_0", {{"weights", weights}}}}}}};
}

inline Stored shapeOf(int64_t rows, int64_t columns) {
  Stored shape = stored<int64_t>(
      "I64", 1, 2, [=](int64_t, int64_t i) { return i ? columns : rows; });
  shape.shape = {2};
  return shape;
}

/// 8 x 12, three groups of 4.
inline Directory packedGroups() {
  Directory d =
      compressed("pack-quantized", {{"num_bits", 4}, {"group_size", 4}});
  d.tensors["m.weight_packed"] = packed(8, 12, 4, code);
  d.tensors["m.weight_shape"] = shapeOf(8, 12);
  d.tensors["m.weight_scale"] = halves(
      8, 3, [](int64_t n, int64_t g) { return double(1 + g) * half(n); });
  return d;
}

inline double signedCode(int64_t n, int64_t k) {
  return double(40 * n - 128 + k);
}

/// 4 x 8.
inline Directory signedBytes() {
  Directory d = compressed("int-quantized", {{"num_bits", 8}});
  d.tensors["m.weight"] = stored<int8_t>("I8", 4, 8, signedCode);
  d.tensors["m.weight_scale"] =
      floats(4, 1, [](int64_t n, int64_t) { return half(n); });
  return d;
}

/// 1, 1.125, ..., 1.875, 2, 2.25, ...: codes 56, 57, ...
inline double e4m3(int64_t i) { return std::ldexp(8 + i % 8, int(i / 8) - 3); }

inline Stored e4m3Codes(int64_t rows, int64_t columns) {
  return stored<uint8_t>("F8_E4M3", rows, columns, [](int64_t n, int64_t k) {
    return double(56 + (n + k) % 32);
  });
}

/// 4 x 8.
inline Directory floatBytes() {
  Directory d =
      compressed("float-quantized", {{"num_bits", 8}, {"type", "float"}});
  d.tensors["m.weight"] = e4m3Codes(4, 8);
  d.tensors["m.weight_scale"] =
      floats(4, 1, [](int64_t n, int64_t) { return half(n); });
  d.tensors["m.input_scale"] = floats(1, 1, code);
  return d;
}

/// 3 x 12, in blocks of 2 x 4.
inline Directory fp8() {
  Directory d{{{"quant_method", "fp8"}, {"weight_block_size", {2, 4}}}};
  d.tensors["m.weight"] = e4m3Codes(3, 12);
  d.tensors["m.weight_scale_inv"] = floats(
      2, 3, [](int64_t n, int64_t g) { return double(1 + g) * half(n); });
  return d;
}

/// 2 x 64.
inline Directory mxfp4() {
  Directory d{{{"quant_method", "mxfp4"}}};
  Stored blocks = stored<uint8_t>("U8", 2, 32, [](int64_t n, int64_t b) {
    return double((n + 2 * b) % 16 + 16 * ((n + 2 * b + 1) % 16));
  });
  blocks.shape = {2, 2, 16};
  d.tensors["m.weight_blocks"] = blocks;
  d.tensors["m.weight_scales"] = stored<uint8_t>(
      "U8", 2, 2, [](int64_t n, int64_t g) { return double(127 + n - 2 * g); });
  return d;
}

/// The same.
inline Directory packedMxfp4() {
  Directory from = mxfp4();
  Directory d =
      compressed("mxfp4-pack-quantized", {{"num_bits", 4}, {"type", "float"}});
  d.tensors["m.weight_packed"] = {
      "U8", {2, 32}, from.tensors["m.weight_blocks"].bytes};
  d.tensors["m.weight_scale"] = from.tensors["m.weight_scales"];
  return d;
}

/// 2 x 6, blocks of 4 codes that go over the end of a row.
inline Directory nf4(bool nested) {
  Directory d{{{"load_in_4bit", true}, {"bnb_4bit_quant_type", "nf4"}}};
  Json state = {{"quant_type", "nf4"}, {"blocksize", 4}, {"shape", {2, 6}}};
  d.tensors["m.weight"] = stored<uint8_t>("U8", 6, 1, [](int64_t i, int64_t) {
    return double(2 * i * 16 + 2 * i + 1);
  });
  Stored absmax = floats(1, 3, [](int64_t, int64_t i) { return half(i); });
  if (nested) {
    absmax = stored<uint8_t>(
        "U8", 1, 3, [](int64_t, int64_t i) { return double(100 + i); });
    state.update({{"nested_blocksize", 2}, {"nested_offset", 0.5}});
    Stored map =
        floats(1, 256, [](int64_t, int64_t i) { return double(i - 100) / 4; });
    map.shape = {256};
    d.tensors["m.weight.nested_quant_map"] = map;
    d.tensors["m.weight.nested_absmax"] = {
        "F32", {2}, Bytes().put(2.0f).put(3.0f).text};
  }
  absmax.shape = {3};
  d.tensors["m.weight.absmax"] = absmax;
  d.tensors["m.weight.quant_state.bitsandbytes__nf4"] = text(state.dump());
  return d;
}

} // namespace mica::test

#endif // TEST_LIB_IMPORT_QUANTIZEDFILES_H
