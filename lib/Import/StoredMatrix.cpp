//===- StoredMatrix.cpp - A weight in codes, scales and zero points -------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/StoredMatrix.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

using namespace mica;

/// Rows of a window, unless each row lies by itself: as many as lie in a cache
/// line of words of either kind.
static constexpr int64_t kWindow = 64;

// What has no groups is offered as floats.
static constexpr Format plain(std::string_view name) {
  return {.name = name,
          .elementBits = 32,
          .encoding = Encoding::Float,
          .exponentBits = 8,
          .mantissaBits = 23,
          .blockBytes = 4};
}
static constexpr Format uneven = plain("uneven-groups");
static constexpr Format ungrouped = plain("ungrouped");

/// The product and the sum are rounded to f32, as bitsandbytes does.
static float nestedScale(const NestedScales &nested,
                         std::span<const std::byte> codes, int64_t index) {
  const std::byte *scale = nested.scales.data() + index / nested.per * 4;
  return nested.values[uint8_t(codes[index])] *
             scaleValue(ScaleType::F32, scale) +
         nested.offset;
}

void ScaleTable::read(int64_t row, int64_t count, float *out) const {
  int64_t bytes = type == ScaleType::F32        ? 4
                  : type == ScaleType::E8M0Half ? 1
                                                : 2;
  int64_t place = row / rowsPer * rowStep;
  for (int64_t g = 0; g < count; ++g, place += groupStep) {
    int64_t index = per == 1 ? place : place / per;
    out[g] = nested ? nestedScale(*nested, data, index)
                    : scaleValue(type, data.data() + index * bytes);
  }
}

/// The numbers that codes of that kind mean.
static std::array<float, 256> meanings(GroupCodes kind) {
  std::array<float, 256> values = {};
  std::array<std::byte, 256> bytes;
  for (int i = 0; i < 256; ++i) {
    bytes[i] = std::byte(i);
    values[i] = float(i);
  }
  if (kind == GroupCodes::NF4)
    std::ranges::copy(nf4Values(), values.begin());
  if (kind == GroupCodes::E2M1)
    std::ranges::copy(findFormat("MXFP4")->values, values.begin());
  if (kind == GroupCodes::E4M3)
    decodeRow(*findFormat("F8_E4M3"), bytes.data(), 256, values.data());
  return values;
}

/// The size of groups that divide those of `size` columns: up to 128 and, for
/// products of integers, a multiple of 16 if there is one, else of 4, else 0.
static int64_t groupSize(int64_t columns, int64_t size) {
  int64_t common = std::gcd(columns, size);
  for (int64_t unit : {16, 4})
    for (int64_t group = 128; group; group -= unit)
      if (common % group == 0)
        return group;
  return 0;
}

StoredMatrix::StoredMatrix(Parts given)
    : parts(std::move(given)),
      groups((columns() + parts.groupColumns - 1) / parts.groupColumns),
      numbers(chooseFormat()), values(meanings(parts.kind)) {}

/// Whether a format can hold the zero points. Forgets them if all are in the
/// middle.
bool StoredMatrix::zerosFit() {
  if (!parts.zeros)
    return true;
  int least = 255, most = 0, half = 1 << (parts.codes.bits - 1);
  std::vector<uint8_t> some(std::min(kWindow, rows()) * groups);
  for (int64_t row = 0; row < rows(); row += kWindow) {
    int64_t count = std::min(kWindow, rows() - row);
    parts.zeros->read(row, count, some.data());
    auto [low, high] =
        std::minmax_element(some.begin(), some.begin() + count * groups);
    least = std::min<int>(least, *low);
    most = std::max<int>(most, *high);
  }
  least += parts.zeroAdd;
  most += parts.zeroAdd;
  if (least == half && most == half)
    parts.zeros = {};
  int from = parts.codes.bits == 8 ? half : 0;
  return !parts.zeros || (least - from >= -128 && most - from <= 127);
}

/// The columns of the first group, then those of the second, and so on. Empty
/// if a group but the last has not `size` columns, or numbers of columns are
/// not exact in f32.
static std::vector<float> columnsByGroup(const std::vector<int32_t> &groupOf,
                                         int64_t size) {
  int64_t columns = groupOf.size();
  std::vector<int32_t> sorted(columns);
  std::iota(sorted.begin(), sorted.end(), 0);
  std::ranges::sort(sorted, {},
                    [&](int32_t k) { return std::pair(groupOf[k], k); });
  for (int64_t j = 0; j < columns; ++j)
    if (groupOf[sorted[j]] != j / size || j >= 1 << 24)
      return {};
  return std::vector<float>(sorted.begin(), sorted.end());
}

const Format *StoredMatrix::chooseFormat() {
  const Format *format = grouped();
  if (!format)
    return &ungrouped;
  if (parts.groupOf.empty())
    return format;
  columnOf = columnsByGroup(parts.groupOf, parts.groupColumns);
  if (columnOf.empty())
    return &uneven;
  parts.groupOf.clear();
  return format;
}

/// The format of groups, whatever the order of columns; null if there is none.
const Format *StoredMatrix::grouped() {
  bool fit = zerosFit();
  int64_t size = groupSize(columns(), parts.groupColumns);
  if (!size || !fit)
    return nullptr;
  return groupFormat(
      {.codes = parts.kind,
       .bits = parts.codes.bits,
       .size = int(size),
       .zeros = parts.zeros.has_value(),
       .scale = parts.scales.nested ? ScaleType::F32 : parts.scales.type});
}

/// Sorts the codes of a row by group.
void StoredMatrix::sortColumns(uint8_t *codes) const {
  std::vector<uint8_t> stored(codes, codes + columnOf.size());
  for (size_t j = 0; j < columnOf.size(); ++j)
    codes[j] = stored[static_cast<size_t>(columnOf[j])];
}

/// Makes `window` hold what is needed of row `row`; returns its codes.
const uint8_t *StoredMatrix::load(int64_t row, Window &window) const {
  int64_t most = parts.codes.hasRows() ? 1 : kWindow;
  int64_t first = row / most * most;
  int64_t count = std::min(most, rows() - first);
  if (window.of != this || window.first != first) {
    window.of = this;
    window.first = first;
    window.codes.resize(count * columns());
    parts.codes.read(first, count, window.codes.data());
    for (int64_t i = 0; i < count && !columnOf.empty(); ++i)
      sortColumns(window.codes.data() + i * columns());
    if (parts.zeros) {
      window.zeros.resize(count * groups);
      parts.zeros->read(first, count, window.zeros.data());
    }
  }
  bool isInteger = parts.kind == GroupCodes::Integer;
  int middle = isInteger ? 1 << (parts.codes.bits - 1) : 0;
  window.scales.resize(groups);
  window.zeroOf.assign(groups, middle);
  parts.scales.read(row, groups, window.scales.data());
  for (int64_t g = 0; parts.zeros && g < groups; ++g)
    window.zeroOf[g] = window.zeros[(row - first) * groups + g] + parts.zeroAdd;
  return window.codes.data() + (row - first) * columns();
}

void StoredMatrix::read(int64_t row, float *to, Window &window) const {
  const uint8_t *codes = load(row, window);
  auto value = [&](int64_t k, int64_t g) {
    return window.scales[g] * (values[codes[k]] - float(window.zeroOf[g]));
  };
  if (!parts.groupOf.empty()) {
    for (int64_t k = 0; k < columns(); ++k)
      to[k] = value(k, parts.groupOf[k]);
    return;
  }
  for (int64_t g = 0; g < groups; ++g) {
    int64_t end = std::min((g + 1) * parts.groupColumns, columns());
    for (int64_t k = g * parts.groupColumns; k < end; ++k)
      to[k] = value(k, g);
  }
}

/// Whether one of these codes is no number. Kernels do not tell those of e4m3:
/// their group has such a scale.
static bool hasNaN(GroupCodes kind, const uint8_t *codes, int64_t count) {
  if (kind != GroupCodes::E4M3)
    return false;
  int found = 0;
  for (int64_t i = 0; i < count; ++i)
    found |= (codes[i] & 0x7f) == 0x7f;
  return found;
}

void StoredMatrix::split(int64_t row, const BlockRow &to,
                         Window &window) const {
  std::copy_n(load(row, window), columns(), to.codes);
  int64_t size = numbers->blockElements;
  for (int64_t b = 0, g = 0, end = parts.groupColumns; b < columns() / size;
       ++b) {
    if (b * size == end)
      ++g, end += parts.groupColumns;
    to.scales[b] = hasNaN(parts.kind, to.codes + b * size, size)
                       ? std::numeric_limits<float>::quiet_NaN()
                       : window.scales[g];
    if (numbers->zeros)
      to.subMins[b] = int8_t(window.zeroOf[g] - numbers->zero);
  }
}
