//===- WeightReader.h - Rows of a weight, decoded ---------------*- C++ -*-===//
//
// A weight is rows of one or more tensors of a checkpoint. Whatever a file does
// to them (block formats, parts in several tensors, transposition, another
// order of a head's rows) ends here: above it there are rows of f32, or of
// codes and their scales.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_PACK_WEIGHTREADER_H
#define LIB_PACK_WEIGHTREADER_H

#include "lib/Import/Checkpoint.h"

#include <cstdint>
#include <vector>

namespace mica {

/// Rows [first, first + rows) of a tensor, of its transpose if `transposed`; of
/// matrix `part` of a tensor of three dimensions, or, with `partStep`, of a
/// matrix in which parts begin so many rows one after another.
/// With `permuted` heads of d = rows / permuted rows, file row 2 i + j of a
/// head is row i + j d / 2. With `run` the rows are runs of that many, each
/// `stride` rows of the file after the one before.
struct RowSource {
  const TensorView *tensor = nullptr;
  int64_t first = 0, rows = 0;
  bool transposed = false;
  int64_t permuted = 0;
  int64_t run = 0, stride = 0;
  int64_t part = 0;
  /// If not 0, column c is column `firstColumn + c * columnStep` of the tensor,
  /// or its row if `transposed` (`columnStep` is 1 then).
  int64_t firstColumn = 0, columnStep = 0;
  int64_t partStep = 0;
};

/// Reads a weight of [rows, columns], or, with `columns` 0, a vector of the
/// sources' elements. Not safe for several threads: give each its own.
class WeightReader {
public:
  /// Fails if the tensors do not have these rows and columns. Tensors of
  /// another format than `format`, if given, are quantized to it.
  static Expected<WeightReader> create(std::vector<RowSource> sources,
                                       int64_t columns,
                                       const Format *format = nullptr);

  /// The rows of all sources: the size of a vector.
  int64_t rows() const { return total; }

  /// Decodes row `row` into `to` [columns]; row 0 of a vector is all of it.
  void read(int64_t row, float *to);

  /// Takes row `row` of a matrix of a block format apart (see `splitRow`).
  void split(int64_t row, const BlockRow &to);

private:
  WeightReader(std::vector<RowSource> sources, int64_t columns,
               const Format *format);
  /// Where a row lies: its source and its row in the file.
  std::pair<const RowSource *, int64_t> find(int64_t row) const;
  bool isQuantized(const RowSource &source) const {
    return format && source.tensor->format != format;
  }
  void readStored(const RowSource &source, int64_t row, float *to);
  const std::byte *quantized(const RowSource &source, int64_t row);
  void readColumns(const RowSource &source, int64_t row, float *to);
  void readVector(const RowSource &source, float *to);
  void readRange(const RowSource &source, int64_t row, int64_t first,
                 int64_t count, float *to);
  void transposeBlock(const RowSource &source, int64_t first);
  const float *transposedRow(const RowSource &source, int64_t column);

  std::vector<RowSource> sources;
  int64_t columns, total = 0;
  const Format *format;
  std::vector<float> stored;      // A row to be quantized.
  std::vector<std::byte> encoded; // The same, quantized.
  std::vector<float> buffer;      // Whole blocks around a range.
  StoredMatrix::Window window;    // Of a quantized directory.
  // Some columns of `blockOf` from `blockFirst` on, as rows.
  const RowSource *blockOf = nullptr;
  int64_t blockFirst = 0;
  std::vector<float> block;
};

} // namespace mica

#endif // LIB_PACK_WEIGHTREADER_H
