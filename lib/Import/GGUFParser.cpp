//===- GGUFParser.cpp - The one walk over a GGUF file ---------------------===//
//
// magic, version, counts | key-values | tensor directory | padding | tensors
//
// Sizes in the file are compared with what is left of it before they are used;
// nothing is allocated by a size that is not.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/GGUF.h"

#include <algorithm>
#include <bit>

namespace mica {

class GGUFParser {
public:
  explicit GGUFParser(MappedFile file) : left(file.bytes()) {
    result.file = std::move(file);
  }

  Expected<GGUF> run() {
    if (Status s = parseHeader(); !s)
      return s.takeError();
    for (uint64_t i = 0; i < valueCount; ++i)
      if (Status s = parseValue(); !s)
        return s.takeError();
    if (Status s = parseAlignment(); !s)
      return s.takeError();
    for (uint64_t i = 0; i < tensorCount; ++i)
      if (Status s = parseTensor(); !s)
        return s.takeError();
    if (Status s = placeTensors(); !s)
      return s.takeError();
    if (Status s = checkOverlap(); !s)
      return s.takeError();
    return std::move(result);
  }

private:
  using Type = GGUF::Type;

  Error error(const std::string &what) const {
    return Error{result.path() + ": " + what};
  }

  /// The file ends inside `thing`.
  Error truncated(const std::string &thing) const {
    return error(thing + " ends at byte " +
                 std::to_string(result.file.bytes().size()) +
                 " with the file, expected more bytes");
  }

  template <class T> bool read(T &value) {
    if (left.size() < sizeof(T))
      return false;
    std::memcpy(&value, left.data(), sizeof(T));
    left = left.subspan(sizeof(T));
    return true;
  }

  bool readString(std::string_view &text) {
    uint64_t length;
    if (!read(length) || length > left.size())
      return false;
    text = {reinterpret_cast<const char *>(left.data()), size_t(length)};
    left = left.subspan(length);
    return true;
  }

  /// Bytes of one value of the type; 0 for strings and arrays.
  static uint64_t sizeOf(Type type) {
    constexpr uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return sizes[uint32_t(type)];
  }

  Status parseHeader();
  Status parseValue();
  Status parseElements(const std::string &thing, GGUF::Value &value);
  Status parseAlignment();
  Status parseTensor();
  Status placeTensors();
  Status checkOverlap() const;
  Expected<uint64_t> tensorBytes(const GGUF::Tensor &tensor) const;

  GGUF result;
  std::span<const std::byte> left;
  uint64_t tensorCount = 0, valueCount = 0, alignment = 32;
  std::vector<uint64_t> offsets; ///< of the tensors, from the data's begin
};

Status GGUFParser::parseHeader() {
  uint32_t magic, version;
  if (!read(magic) || !read(version))
    return truncated("GGUF header");
  if (magic != 0x46554747) // "GGUF"
    return error(
        "first 4 bytes are " +
        quote({reinterpret_cast<const char *>(result.file.bytes().data()), 4}) +
        ", expected 'GGUF'");
  if (version != 3 && (version & 0xffff) == 0)
    return error("big-endian GGUF, expected little-endian");
  if (version != 3)
    return error("GGUF version " + std::to_string(version) +
                 ", expected version 3");
  if (!read(tensorCount) || !read(valueCount))
    return truncated("GGUF header");
  return {};
}

Status GGUFParser::parseValue() {
  std::string_view key;
  if (!readString(key))
    return truncated("metadata key " + std::to_string(result.values.size()));
  std::string thing = "metadata " + quote(key);
  uint32_t type, element;
  if (!read(type))
    return truncated(thing);
  GGUF::Value value{Type(type), Type(type) == Type::Array, 1, {}};
  if (value.array) {
    if (!read(element) || !read(value.count))
      return truncated(thing);
    type = element;
    value.type = Type(element);
    if (value.type == Type::Array)
      return error(thing + " is an array of arrays, expected one of scalars");
  }
  if (type > uint32_t(Type::F64))
    return error(thing + " has type " + std::to_string(type) +
                 ", expected 0 to 12");
  if (Status s = parseElements(thing, value); !s)
    return s;
  if (!result.values.emplace(key, value).second)
    return error(thing + " occurs twice, expected once");
  return {};
}

/// Measures `value.count` elements at the cursor and moves past them.
Status GGUFParser::parseElements(const std::string &thing, GGUF::Value &value) {
  const std::byte *begin = left.data();
  if (uint64_t size = sizeOf(value.type)) {
    if (value.count > left.size() / size)
      return truncated(thing);
    left = left.subspan(value.count * size);
  } else {
    std::string_view text;
    for (uint64_t i = 0; i < value.count; ++i)
      if (!readString(text))
        return truncated(thing);
  }
  value.data = {begin, left.data()};
  if (value.type == Type::Bool)
    for (std::byte b : value.data)
      if (b > std::byte(1))
        return error(thing + " holds the bool " +
                     std::to_string(std::to_integer<int>(b)) +
                     ", expected 0 or 1");
  return {};
}

Status GGUFParser::parseAlignment() {
  if (!result.contains("general.alignment"))
    return {};
  Expected<int64_t> found = result.getInt("general.alignment");
  if (!found)
    return found.takeError();
  if (*found < 8 || *found > (1 << 20) || !std::has_single_bit(size_t(*found)))
    return error("metadata 'general.alignment' is " + std::to_string(*found) +
                 ", expected a power of two from 8 to 1048576");
  alignment = *found;
  return {};
}

Status GGUFParser::parseTensor() {
  GGUF::Tensor tensor;
  uint32_t rank, type;
  if (!readString(tensor.name) || !read(rank))
    return truncated("tensor " + std::to_string(offsets.size()));
  std::string thing = "tensor " + quote(tensor.name);
  if (rank < 1 || rank > 4)
    return error(thing + " has " + std::to_string(rank) +
                 " dimensions, expected 1 to 4");
  tensor.shape.resize(rank);
  for (uint32_t i = rank; i-- > 0;)
    if (!read(tensor.shape[i]))
      return truncated(thing);
  uint64_t offset;
  if (!read(type) || !read(offset))
    return truncated(thing);
  tensor.format = findGGUFFormat(type);
  if (!tensor.format) {
    std::string known;
    for (const Format &format : formatTable())
      if (format.ggufType >= 0)
        known += (known.empty() ? "" : ", ") + std::string(format.name);
    return error(thing + " has type " + std::to_string(type) +
                 ", expected one of " + known);
  }
  if (offset % alignment)
    return error(thing + " is at offset " + std::to_string(offset) +
                 ", expected a multiple of " + std::to_string(alignment));
  result.directory.push_back(std::move(tensor));
  offsets.push_back(offset);
  return {};
}

/// "[4, 64]", rows first.
static std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "[" : ", ") + std::to_string(uint64_t(size));
  return text + "]";
}

Expected<uint64_t> GGUFParser::tensorBytes(const GGUF::Tensor &tensor) const {
  const Format &format = *tensor.format;
  std::string thing = "tensor " + quote(tensor.name);
  // A product beyond 2^48 exceeds every file and would overflow below.
  uint64_t elements = 1;
  for (int64_t size : tensor.shape) {
    if (size < 1 || uint64_t(size) > (uint64_t(1) << 48) / elements)
      return error(thing + " has shape " + shapeText(tensor.shape) +
                   ", expected sizes of 1 or more and 2^48 elements at most");
    elements *= size;
  }
  if (tensor.shape.back() % format.blockElements)
    return error(thing + " has rows of " + std::to_string(tensor.shape.back()) +
                 " elements, expected a multiple of " +
                 std::to_string(format.blockElements) + " for " +
                 std::string(format.name));
  return elements / format.blockElements * format.blockBytes;
}

/// Checks the directory against the file and fills in the tensors' bytes.
Status GGUFParser::placeTensors() {
  uint64_t fileSize = result.file.bytes().size();
  uint64_t position = fileSize - left.size();
  uint64_t dataBegin = (position + alignment - 1) / alignment * alignment;
  uint64_t dataSize = fileSize > dataBegin ? fileSize - dataBegin : 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    GGUF::Tensor &tensor = result.directory[i];
    Expected<uint64_t> size = tensorBytes(tensor);
    if (!size)
      return size.takeError();
    if (offsets[i] > dataSize || *size > dataSize - offsets[i])
      return error("tensor " + quote(tensor.name) + " takes " +
                   std::to_string(*size) + " bytes at offset " +
                   std::to_string(offsets[i]) + ", expected at most the " +
                   std::to_string(dataSize) + " bytes of data in the file");
    tensor.data = result.file.bytes().subspan(dataBegin + offsets[i], *size);
  }
  return {};
}

Status GGUFParser::checkOverlap() const {
  std::vector<const GGUF::Tensor *> order;
  for (const GGUF::Tensor &tensor : result.directory)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](auto *a, auto *b) { return a->data.data() < b->data.data(); });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i]->data.data() <
        order[i - 1]->data.data() + order[i - 1]->data.size())
      return error("tensor " + quote(order[i]->name) + " overlaps tensor " +
                   quote(order[i - 1]->name) + ", expected tensors apart");
  std::sort(order.begin(), order.end(),
            [](auto *a, auto *b) { return a->name < b->name; });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i]->name == order[i - 1]->name)
      return error("tensor " + quote(order[i]->name) +
                   " occurs twice, expected once");
  return {};
}

Expected<GGUF> GGUF::open(const std::string &path) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return parse(std::move(*file));
}

Expected<GGUF> GGUF::parse(MappedFile file) {
  return GGUFParser(std::move(file)).run();
}

} // namespace mica
