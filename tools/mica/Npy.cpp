//===- Npy.cpp - Arrays in NumPy's file format ----------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Npy.h"

#include <cerrno>
#include <cstring>
#include <optional>

using namespace mica;

namespace {

/// The dictionary of the header, a Python literal with exactly three keys.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  std::string_view descr, order;
  std::vector<uint64_t> shape;

  bool parse() {
    bool seen[3] = {};
    if (!take('{'))
      return false;
    while (!take('}')) {
      auto key = quoted();
      if (!key || !take(':'))
        return false;
      int which = *key == "descr"           ? 0
                  : *key == "fortran_order" ? 1
                  : *key == "shape"         ? 2
                                            : -1;
      if (which < 0 || seen[which] || !value(which))
        return false;
      seen[which] = true;
      take(',');
    }
    skip();
    return rest.empty() && seen[0] && seen[1] && seen[2];
  }

private:
  void skip() {
    size_t n = rest.find_first_not_of(" \n");
    rest.remove_prefix(n == std::string_view::npos ? rest.size() : n);
  }

  bool take(char c) {
    skip();
    if (rest.empty() || rest[0] != c)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  std::optional<std::string_view> quoted() {
    if (!take('\''))
      return std::nullopt;
    size_t end = rest.find('\'');
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
  }

  bool value(int which) {
    if (which == 2)
      return tuple();
    if (which == 0) {
      auto text = quoted();
      descr = text.value_or("");
      return text.has_value();
    }
    skip();
    size_t end = rest.find_first_of(",} ");
    order = rest.substr(0, end);
    rest.remove_prefix(order.size());
    return order == "False" || order == "True";
  }

  bool tuple() {
    if (!take('('))
      return false;
    while (!take(')')) {
      skip();
      uint64_t number = 0;
      size_t digits = 0;
      for (; digits < rest.size() && '0' <= rest[digits] && rest[digits] <= '9';
           ++digits) {
        number = number * 10 + (rest[digits] - '0');
        if (number > uint64_t(1) << 40)
          return false;
      }
      if (!digits || shape.size() == 32)
        return false;
      rest.remove_prefix(digits);
      shape.push_back(number);
      take(',');
    }
    return true;
  }

  std::string_view rest;
};

} // namespace

/// The header and the data of a file, if their sizes are right.
static std::optional<std::pair<std::string_view, std::string_view>>
splitFile(std::string_view bytes) {
  if (bytes.size() < 10 || bytes.substr(0, 6) != "\x93NUMPY")
    return std::nullopt;
  auto byte = [&](size_t i) { return uint64_t(uint8_t(bytes[i])); };
  bool wide = byte(6) >= 2;
  if (byte(6) < 1 || byte(6) > 3 || (wide && bytes.size() < 12))
    return std::nullopt;
  uint64_t begin = wide ? 12 : 10;
  uint64_t size = byte(8) | byte(9) << 8;
  if (wide)
    size |= byte(10) << 16 | byte(11) << 24;
  if (size > bytes.size() - begin)
    return std::nullopt;
  return std::pair(bytes.substr(begin, size), bytes.substr(begin + size));
}

namespace {

/// A type of elements as the header says it.
struct Element {
  std::string_view descr;
  uint64_t bytes;
};

/// A file whose data has the size that its shape asks for.
struct Parsed {
  Element element;
  std::vector<uint64_t> shape;
  uint64_t count;
  std::string_view data; // As far as it was given.
};

} // namespace

/// Parses the first bytes of a file of `size` bytes, the header among them.
static Expected<Parsed> parse(std::string_view bytes, uint64_t size,
                              const std::string &file,
                              std::span<const Element> known) {
  auto parts = splitFile(bytes);
  if (!parts)
    return Error{file + ": header is no .npy header, expected version 1, 2 or "
                        "3 of it"};
  HeaderParser header(parts->first);
  if (!header.parse())
    return Error{file + ": header dictionary is malformed, expected descr, "
                        "fortran_order and shape"};
  const Element *element = nullptr;
  std::string wanted;
  for (const Element &one : known) {
    if (one.descr == header.descr)
      element = &one;
    wanted += (wanted.empty() ? "'" : " or '") + std::string(one.descr) + "'";
  }
  if (!element)
    return Error{file + ": descr is '" +
                 std::string(header.descr.substr(0, 20)) + "', expected " +
                 wanted};
  if (header.order != "False")
    return Error{file + ": fortran_order is True, expected False"};
  uint64_t count = 1;
  for (uint64_t extent : header.shape)
    if (__builtin_mul_overflow(count, extent, &count) ||
        count > UINT64_MAX / element->bytes)
      return Error{file + ": shape is too large, expected its values to fit"};
  uint64_t data = size - (bytes.size() - parts->second.size());
  if (count * element->bytes != data)
    return Error{file + ": data has " + std::to_string(data) +
                 " bytes, expected " + std::to_string(count * element->bytes)};
  return Parsed{*element, std::move(header.shape), count, parts->second};
}

Expected<IntArray> mica::parseNpy(std::string_view bytes,
                                  const std::string &file) {
  static constexpr Element known[] = {{"<i4", 4}};
  auto parsed = parse(bytes, bytes.size(), file, known);
  if (!parsed)
    return parsed.takeError();
  IntArray array{std::move(parsed->shape), {}};
  array.values.resize(parsed->count);
  if (parsed->count)
    std::memcpy(array.values.data(), parsed->data.data(), parsed->count * 4);
  return array;
}

/// The elements of `data`, each of type T, as floats.
template <class T> static std::vector<float> toFloats(std::string_view data) {
  std::vector<float> values(data.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(value);
  }
  return values;
}

Expected<FloatArray> mica::parseFloatNpy(std::string_view bytes,
                                         const std::string &file) {
  static constexpr Element known[] = {{"<f4", 4}, {"<f8", 8}, {"<f2", 2}};
  auto parsed = parse(bytes, bytes.size(), file, known);
  if (!parsed)
    return parsed.takeError();
  return FloatArray{std::move(parsed->shape),
                    parsed->element.bytes == 4 ? toFloats<float>(parsed->data)
                    : parsed->element.bytes == 8
                        ? toFloats<double>(parsed->data)
                        : toFloats<_Float16>(parsed->data)};
}

Expected<NpyReader> NpyReader::open(const std::string &path) {
  NpyReader reader;
  reader.path = path;
  reader.file.reset(std::fopen(path.c_str(), "rb"));
  if (!reader.file)
    return Error{path + ": cannot open: " + std::strerror(errno)};
  // A header of version 1 is at most this long; longer ones are refused.
  std::string first(10 + 65536, 0);
  first.resize(std::fread(first.data(), 1, first.size(), reader.file.get()));
  if (fseeko(reader.file.get(), 0, SEEK_END))
    return Error{path + ": cannot seek: " + std::strerror(errno)};
  static constexpr Element known[] = {{"<f4", 4}};
  auto size = uint64_t(ftello(reader.file.get()));
  auto parsed = parse(first, size, path, known);
  if (!parsed)
    return parsed.takeError();
  reader.extents = std::move(parsed->shape);
  reader.header = size - parsed->count * 4;
  return reader;
}

Status NpyReader::read(uint64_t at, std::span<float> values) {
  if (fseeko(file.get(), off_t(header + at * 4), SEEK_SET) ||
      std::fread(values.data(), 4, values.size(), file.get()) != values.size())
    return Error{path + ": cannot read " + std::to_string(values.size()) +
                 " values at " + std::to_string(at)};
  return {};
}

Expected<NpyWriter> NpyWriter::create(const std::string &path,
                                      std::span<const uint64_t> shape) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (uint64_t size : shape)
    text += std::to_string(size) + ",";
  text += "), }";
  // Data begins at a multiple of 64 bytes.
  text.append((64 - (10 + text.size() + 1) % 64) % 64, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(text.size() & 255);
  header += char(text.size() >> 8);
  header += text;
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (Status status = file->write(header.data(), header.size()); !status)
    return status.takeError();
  return NpyWriter(std::move(*file), header.size());
}

Status NpyWriter::write(uint64_t at, std::span<const float> values) {
  return file.writeAt(header + at * 4, values.data(), values.size() * 4);
}
