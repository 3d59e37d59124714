//===- Safetensors.cpp - Reader of safetensors files ----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Safetensors.h"
#include "lib/Import/Json.h"

#include <algorithm>
#include <cstring>

using namespace mica;
using nlohmann::json;

namespace {

/// Bytes of one element, 0 for a dtype that the specification does not have.
unsigned dtypeBytes(std::string_view dtype) {
  static constexpr struct {
    std::string_view name;
    unsigned bytes;
  } sizes[] = {{"BOOL", 1},    {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1},
               {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
               {"BF16", 2},    {"I32", 4}, {"U32", 4}, {"F32", 4},
               {"F64", 8},     {"I64", 8}, {"U64", 8}};
  for (const auto &entry : sizes)
    if (entry.name == dtype)
      return entry.bytes;
  return 0;
}

/// Reads `value` as an array of at most `most` sizes below 2^48.
bool readSizes(const json &value, size_t most, std::vector<int64_t> &sizes) {
  if (!value.is_array() || value.size() > most)
    return false;
  for (const json &size : value) {
    if (!size.is_number_unsigned() ||
        size.get<uint64_t>() >= (uint64_t(1) << 48))
      return false;
    sizes.push_back(size.get<int64_t>());
  }
  return true;
}

/// The product of the sizes times `bytes`, or -1 from 2^56 upwards.
int64_t byteCount(const std::vector<int64_t> &shape, int64_t bytes) {
  int64_t product = bytes;
  for (int64_t size : shape) {
    if (size && product > (int64_t(1) << 56) / size)
      return -1;
    product *= size;
  }
  return product;
}

/// One entry of the header. `data` is everything after the header.
Expected<Safetensors::Tensor> parseEntry(const std::string &path,
                                         const std::string &name,
                                         const json &entry,
                                         std::span<const std::byte> data) {
  auto error = [&](const std::string &what) {
    return Error{path + ": tensor " + quote(name) + " " + what};
  };
  if (!entry.is_object() || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets"))
    return error("lacks a field, expected dtype, shape and data_offsets");
  Safetensors::Tensor tensor{name, {}, {}, nullptr, {}};
  const json &dtype = entry["dtype"];
  unsigned bytes = dtype.is_string() ? dtypeBytes(dtype.get<std::string>()) : 0;
  if (!bytes)
    return error("has an unknown dtype, expected one such as F32 or BF16");
  tensor.dtype = dtype.get<std::string>();
  tensor.format = findSafetensorsFormat(tensor.dtype);
  if (!readSizes(entry["shape"], 8, tensor.shape))
    return error("has no valid shape, expected at most 8 sizes below 2^48");
  std::vector<int64_t> range;
  if (!readSizes(entry["data_offsets"], 2, range) || range.size() != 2 ||
      range[0] > range[1])
    return error("has no valid data_offsets, expected a begin and an end");
  if (uint64_t(range[1]) > data.size())
    return error("ends at byte " + std::to_string(range[1]) +
                 " of the data, expected at most " +
                 std::to_string(data.size()));
  int64_t wanted = byteCount(tensor.shape, bytes);
  if (wanted != range[1] - range[0])
    return error("has " + std::to_string(range[1] - range[0]) +
                 " bytes, expected " +
                 (wanted < 0 ? "fewer elements" : std::to_string(wanted)) +
                 " for its shape");
  tensor.data = data.subspan(range[0], wanted);
  return tensor;
}

/// Checks that the tensors fill the data without gap or overlap.
Status checkPlaces(const std::string &path,
                   const std::vector<Safetensors::Tensor> &tensors,
                   std::span<const std::byte> data) {
  std::vector<const Safetensors::Tensor *> order;
  for (const Safetensors::Tensor &tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](auto *a, auto *b) {
    return std::pair(a->data.data(), a->data.size()) <
           std::pair(b->data.data(), b->data.size());
  });
  const std::byte *end = data.data();
  for (const Safetensors::Tensor *tensor : order) {
    if (tensor->data.data() != end)
      return Error{
          path + ": tensor " + quote(tensor->name) + " begins at byte " +
          std::to_string(tensor->data.data() - data.data()) +
          " of the data, expected " + std::to_string(end - data.data())};
    end += tensor->data.size();
  }
  if (end != data.data() + data.size())
    return Error{path + ": data of " + std::to_string(data.size()) +
                 " bytes, expected " + std::to_string(end - data.data()) +
                 " for its tensors"};
  return {};
}

} // namespace

Expected<Safetensors> Safetensors::open(const std::string &path) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return parse(std::move(*file));
}

Expected<Safetensors> Safetensors::parse(MappedFile file) {
  // As in the reference implementation.
  constexpr uint64_t longestHeader = 100'000'000;
  std::span<const std::byte> bytes = file.bytes();
  uint64_t length = 0;
  if (bytes.size() < sizeof(length))
    return Error{file.path() + ": file of " + std::to_string(bytes.size()) +
                 " bytes, expected a safetensors header"};
  std::memcpy(&length, bytes.data(), sizeof(length));
  bytes = bytes.subspan(sizeof(length));
  if (length > longestHeader || length > bytes.size())
    return Error{
        file.path() + ": header of " + std::to_string(length) +
        " bytes, expected at most " +
        std::to_string(std::min<uint64_t>(longestHeader, bytes.size()))};
  Expected<json> header =
      parseJsonObject(file.path() + ": header", bytes.first(length));
  if (!header)
    return header.takeError();

  Safetensors result;
  std::span<const std::byte> data = bytes.subspan(length);
  for (const auto &[name, entry] : header->items()) {
    if (name == "__metadata__")
      continue;
    Expected<Tensor> tensor = parseEntry(file.path(), name, entry, data);
    if (!tensor)
      return tensor.takeError();
    result.directory.push_back(std::move(*tensor));
  }
  if (Status s = checkPlaces(file.path(), result.directory, data); !s)
    return s.takeError();
  result.file = std::move(file);
  return result;
}
