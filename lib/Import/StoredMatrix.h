//===- StoredMatrix.h - A weight in codes, scales and zero points -*- C++ -*-=//
//
// Quantized Hugging Face checkpoints keep a matrix in several tensors: codes,
// scales, perhaps zero points and an order of columns. This is the matrix that
// they mean; where its parts lie is said by description, so that every method
// of quantization ends in one class.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_STOREDMATRIX_H
#define LIB_IMPORT_STOREDMATRIX_H

#include "lib/Format/Format.h"
#include "lib/Import/PackedCodes.h"

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace mica {

/// Scales of scales: element i is `values[code i] * scale[i / per] + offset`.
struct NestedScales {
  std::array<float, 256> values;
  std::span<const std::byte> scales; ///< f32
  int64_t per = 1;
  float offset = 0;
};

/// The scale of row n and group g: the element
/// ((n / rowsPer) * rowStep + g * groupStep) / per of a tensor.
struct ScaleTable {
  ScaleType type = ScaleType::None;
  std::span<const std::byte> data;
  int64_t rowsPer = 1, rowStep = 0, groupStep = 0, per = 1;
  std::shared_ptr<const NestedScales> nested = {}; ///< `data` is then codes

  /// Writes the scales of a row's `count` groups.
  void read(int64_t row, int64_t count, float *out) const;
};

class StoredMatrix {
public:
  /// value(n, k) = scale(n, g) * (meaning of codes(n, k) - zero(n, g))
  struct Parts {
    GroupCodes kind = GroupCodes::Integer; ///< what codes mean
    PackedCodes codes;
    ScaleTable scales;
    /// Columns of a group: g = k / groupColumns, or `groupOf[k]` if not empty:
    /// then columns were quantized in an order of their own.
    int64_t groupColumns = 0;
    std::vector<int32_t> groupOf = {};
    /// [rows, groups] zero points, of which each counts `zeroAdd` more;
    /// without, they are in the middle.
    std::optional<PackedCodes> zeros = {};
    int zeroAdd = 0;
  };

  /// Parts that lie within their tensors, of one row and column at least.
  explicit StoredMatrix(Parts parts);

  int64_t rows() const { return parts.codes.rows; }
  int64_t columns() const { return parts.codes.columns; }
  /// How rows come apart: groups that divide the matrix's. Where no group
  /// format fits, a format of plain floats that says so in its name; `read` is
  /// all there is then.
  const Format &format() const { return *numbers; }
  /// If not empty, rows are read in another order of columns than is meant, in
  /// which those of a group lie together: the first is that of column
  /// `order()[0]`.
  std::span<const float> order() const { return columnOf; }

  /// Some rows as a reader keeps them: neighbours are read at once, as the
  /// codes of a column may lie side by side. For one thread.
  class Window {
    friend StoredMatrix;
    const StoredMatrix *of = nullptr;
    int64_t first = 0;
    std::vector<uint8_t> codes, zeros;
    // Of the row read last, by group.
    std::vector<float> scales;
    std::vector<int> zeroOf;
  };

  /// Row `row` in f32; each product and difference is rounded to f32.
  void read(int64_t row, float *to, Window &window) const;
  /// Row `row` taken apart, as `splitRow` does.
  void split(int64_t row, const BlockRow &to, Window &window) const;

private:
  const Format *chooseFormat();
  const Format *grouped();
  bool zerosFit();
  const uint8_t *load(int64_t row, Window &window) const;
  void sortColumns(uint8_t *codes) const;

  Parts parts;
  int64_t groups;
  std::vector<float> columnOf; ///< `order()`
  const Format *numbers;
  std::array<float, 256> values; ///< what codes mean
};

} // namespace mica

#endif // LIB_IMPORT_STOREDMATRIX_H
