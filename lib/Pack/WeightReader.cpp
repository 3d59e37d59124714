//===- WeightReader.cpp - Rows of a weight, decoded -----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Pack/WeightReader.h"
#include "lib/Format/Quantize.h"

#include <algorithm>

using namespace mica;

/// Columns that are transposed at a time: a cache line of 2-byte elements or
/// more of each row of the file.
static constexpr int64_t kTransposed = 64;

/// The row of the part of the file's tensor that is row `row` of `source`.
static int64_t partRow(const RowSource &source, int64_t row) {
  if (source.run)
    return source.first + row / source.run * source.stride + row % source.run;
  if (!source.permuted)
    return source.first + row;
  int64_t size = source.rows / source.permuted, half = size / 2;
  int64_t head = row / size, x = row % size;
  return source.first + head * size + 2 * (x % half) + x / half;
}

/// Rows and columns of a part, as stored.
static std::pair<int64_t, int64_t> storedShape(const TensorView &tensor) {
  size_t rank = tensor.shape.size();
  return {rank > 1 ? tensor.shape[rank - 2] : 1, tensor.columns()};
}

/// The first row of the file that belongs to the part.
static int64_t partOf(const RowSource &source) {
  if (source.partStep)
    return source.part * source.partStep;
  return source.part ? source.part * storedShape(*source.tensor).first : 0;
}

/// The row of the file that holds row `row` of `source`; of a transposed one,
/// the column.
static int64_t fileRow(const RowSource &source, int64_t row) {
  int64_t at = partRow(source, row);
  return source.transposed ? at : partOf(source) + at;
}

/// The rows of the file from the first to the last one of `source`.
static int64_t fileRows(const RowSource &source) {
  return source.run
             ? (source.rows / source.run - 1) * source.stride + source.run
             : source.rows;
}

static Status check(const RowSource &source, int64_t columns) {
  const TensorView &tensor = *source.tensor;
  std::string thing = tensor.file + ": tensor " + quote(tensor.name);
  if (!tensor.format)
    return Error{thing + " holds no numbers, expected a weight"};
  size_t rank = columns ? 2 : 1;
  // A vector may be stored as rows that follow each other.
  bool rowsOfVector = !columns && tensor.shape.size() == 2 && !tensor.matrix &&
                      !tensor.format->isBlocks() && !source.first &&
                      tensor.shape[0] * tensor.shape[1] == source.rows;
  bool isParts = columns && tensor.shape.size() == 3 && source.part >= 0 &&
                 source.part < tensor.shape[0];
  if (tensor.shape.size() != rank && !rowsOfVector && !isParts)
    return Error{thing + " has " + std::to_string(tensor.shape.size()) +
                 " dimensions, expected " + std::to_string(rank)};
  bool transposed = columns && source.transposed;
  if (transposed && tensor.matrix && !source.partStep)
    return Error{thing + " is stored by rows, expected by columns"};
  auto [rows, found] = storedShape(tensor);
  if (!columns)
    rows = rowsOfVector ? rows * found : found;
  // What the part has of the rows from its first one on.
  if (source.partStep)
    rows -= partOf(source);
  if (transposed) {
    rows -= source.firstColumn;
    std::swap(rows, found);
    if (source.columnStep)
      found = std::min(found, columns);
  }
  if (source.first < 0 || source.rows < 1 || source.first > rows ||
      fileRows(source) > rows - source.first)
    return Error{thing + " has " + std::to_string(rows) + " rows, expected " +
                 std::to_string(source.first) + " + " +
                 std::to_string(fileRows(source))};
  if (source.columnStep && !source.transposed && !tensor.matrix &&
      source.firstColumn < source.columnStep)
    columns *= source.columnStep;
  if (columns && found != columns)
    return Error{thing + " has " + std::to_string(found) +
                 " columns, expected " + std::to_string(columns)};
  if (source.permuted < 0 ||
      (source.permuted && source.rows % (2 * source.permuted)))
    return Error{thing + " has " + std::to_string(source.rows) +
                 " rows, expected an even number in each of " +
                 std::to_string(source.permuted) + " heads"};
  return {};
}

WeightReader::WeightReader(std::vector<RowSource> sources, int64_t columns,
                           const Format *format)
    : sources(std::move(sources)), columns(columns), format(format) {
  for (const RowSource &source : this->sources)
    total += source.rows;
}

Expected<WeightReader> WeightReader::create(std::vector<RowSource> sources,
                                            int64_t columns,
                                            const Format *format) {
  for (const RowSource &source : sources)
    if (Status status = check(source, columns); !status)
      return status.takeError();
  return WeightReader(std::move(sources), columns, format);
}

std::pair<const RowSource *, int64_t> WeightReader::find(int64_t row) const {
  const RowSource *source = sources.data();
  for (; row >= source->rows; ++source)
    row -= source->rows;
  return {source, fileRow(*source, row)};
}

/// A row of the file as f32.
void WeightReader::readStored(const RowSource &source, int64_t row, float *to) {
  if (source.transposed)
    std::copy_n(transposedRow(source, row), columns, to);
  else if (source.columnStep)
    readColumns(source, row, to);
  else if (source.tensor->matrix)
    source.tensor->matrix->read(row, to, window);
  else
    decodeRow(*source.tensor->format, source.tensor->row(row), columns, to);
}

/// Every `columnStep`-th element of a row of the file.
void WeightReader::readColumns(const RowSource &source, int64_t row,
                               float *to) {
  std::vector<float> all(source.tensor->columns());
  decodeRow(*source.tensor->format, source.tensor->row(row), all.size(),
            all.data());
  for (int64_t c = 0; c < columns; ++c)
    to[c] = all[source.firstColumn + c * source.columnStep];
}

const std::byte *WeightReader::quantized(const RowSource &source, int64_t row) {
  stored.resize(columns);
  encoded.resize(format->rowBytes(columns));
  readStored(source, row, stored.data());
  quantizeRow(*format, stored.data(), columns, encoded.data());
  return encoded.data();
}

void WeightReader::read(int64_t row, float *to) {
  if (!columns) {
    for (const RowSource &source : sources) {
      readVector(source, to);
      to += source.rows;
    }
    return;
  }
  auto [source, from] = find(row);
  if (isQuantized(*source))
    decodeRow(*format, quantized(*source, from), columns, to);
  else
    readStored(*source, from, to);
}

void WeightReader::split(int64_t row, const BlockRow &to) {
  auto [source, from] = find(row);
  if (!isQuantized(*source) && source->tensor->matrix)
    return source->tensor->matrix->split(from, to, window);
  const std::byte *bytes = isQuantized(*source) || source->transposed
                               ? quantized(*source, from)
                               : source->tensor->row(from);
  splitRow(*format, bytes, columns, to);
}

void WeightReader::readVector(const RowSource &source, float *to) {
  if (!source.permuted && !source.run)
    return readRange(source, 0, source.first, source.rows, to);
  std::vector<float> stored(fileRows(source));
  readRange(source, 0, source.first, stored.size(), stored.data());
  for (int64_t i = 0; i < source.rows; ++i)
    to[i] = stored[fileRow(source, i) - source.first];
}

/// Decodes `count` elements of file row `row` from element `first` on.
void WeightReader::readRange(const RowSource &source, int64_t row,
                             int64_t first, int64_t count, float *to) {
  if (source.tensor->matrix) {
    buffer.resize(source.tensor->columns());
    source.tensor->matrix->read(row, buffer.data(), window);
    std::copy_n(buffer.data() + first, count, to);
    return;
  }
  const Format &format = *source.tensor->format;
  int64_t unit = format.blockElements;
  int64_t begin = first / unit * unit;
  int64_t end = (first + count + unit - 1) / unit * unit;
  const std::byte *in = source.tensor->row(row) + format.rowBytes(begin);
  if (begin == first && end == first + count)
    return decodeRow(format, in, count, to);
  buffer.resize(end - begin);
  decodeRow(format, in, end - begin, buffer.data());
  std::copy_n(buffer.data() + (first - begin), count, to);
}

/// Fills `block` with the columns from `first` on, in tiles of a few rows of
/// the file: a cache line of each of the block's rows is written at once.
void WeightReader::transposeBlock(const RowSource &source, int64_t first) {
  constexpr int64_t tile = 16;
  float part[tile][kTransposed];
  int64_t count = std::min(kTransposed, source.tensor->columns() - first);
  int64_t begin = partOf(source) + source.firstColumn;
  block.resize(kTransposed * columns);
  for (int64_t k = 0; k < columns; k += tile) {
    int64_t rows = std::min(tile, columns - k);
    for (int64_t i = 0; i < rows; ++i)
      readRange(source, begin + k + i, first, count, part[i]);
    for (int64_t c = 0; c < count; ++c)
      for (int64_t i = 0; i < rows; ++i)
        block[c * columns + k + i] = part[i][c];
  }
}

/// Column `column` of the file's tensor as a row, from a block of columns that
/// is transposed at once.
const float *WeightReader::transposedRow(const RowSource &source,
                                         int64_t column) {
  int64_t first = column / kTransposed * kTransposed;
  if (blockOf != &source || blockFirst != first) {
    transposeBlock(source, first);
    blockOf = &source, blockFirst = first;
  }
  return block.data() + (column - first) * columns;
}
