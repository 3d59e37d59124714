//===- Method.h - What methods of quantization share ------------*- C++ -*-===//
//
// A method is a function that reads settings and then, for every module whose
// tensors it recognises, the tensors. The first wrong setting or tensor is kept
// and reported at the end; questions after it return harmless values.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_QUANTIZED_METHOD_H
#define LIB_IMPORT_QUANTIZED_METHOD_H

#include "lib/Import/Quantized/Quantized.h"
#include "lib/Import/Quantized/Settings.h"
#include "lib/Import/StoredMatrix.h"

namespace mica {

/// The tensors of a directory, and the first error.
class QuantizedTensors {
public:
  /// `path` names the directory in messages.
  QuantizedTensors(std::string path, std::span<const Safetensors> files,
                   TensorViews &views);

  /// What stands in front of `suffix` in the names that end in it.
  std::vector<std::string> named(std::string_view suffix) const;

  Status status;

private:
  friend class Module;
  struct Place {
    const Safetensors *file;
    const Safetensors::Tensor *tensor;
  };

  std::string path;
  std::map<std::string, Place, std::less<>> places;
  TensorViews &views;
};

/// A linear layer, whose tensors are `name` and something behind it.
class Module {
public:
  using Tensor = Safetensors::Tensor;
  using Types = std::vector<std::string_view>;
  using Shape = std::vector<int64_t>;

  Module(QuantizedTensors &all, std::string name)
      : all(all), name(std::move(name)) {}

  /// The tensor `name + suffix`; null if there is none.
  const Tensor *find(std::string_view suffix) const;
  /// Whether it is there, of that type.
  bool has(std::string_view suffix, std::string_view type) const {
    return find(suffix) && find(suffix)->dtype == type;
  }
  /// The same, which must be there, of one of the types and of the shape; -1
  /// stands for any size from 1 up. It is a part of the module then.
  const Tensor &need(std::string_view suffix, const Types &types,
                     const Shape &shape);
  /// The numbers of such a tensor, of I32 or I64.
  std::vector<int64_t> integers(std::string_view suffix, const Shape &shape);

  /// Such a tensor of scales; the steps are yet to be set.
  ScaleTable scales(std::string_view suffix, const Shape &shape);
  /// Sets the scales and the columns of a group. There is one scale for the
  /// matrix, one for each row, or one for each block of `blockRows` x
  /// `blockColumns`.
  void blockScales(std::string_view suffix, int64_t blockRows,
                   int64_t blockColumns, StoredMatrix::Parts &parts);
  /// Sets the group of each column if there is such a tensor, which there must
  /// be if `needed`, and they are not in order.
  void order(std::string_view suffix, bool needed, StoredMatrix::Parts &parts);

  /// Offers the matrix as `name + suffix`, unless something failed.
  void offer(std::string_view suffix, StoredMatrix::Parts parts);

  /// Fails with a sentence about the tensor `name + suffix`.
  void fail(std::string_view suffix, const std::string &what);
  bool failed() const { return !all.status; }

private:
  QuantizedTensors &all;
  std::string name;
  std::vector<std::string> used;
  Tensor harmless;
};

/// The number of blocks of `size` that cover `count`.
inline int64_t blocksOf(int64_t count, int64_t size) {
  return (count + size - 1) / size;
}

/// Codes of `bits` bits in the rows of a tensor, each filled up to a word.
PackedCodes codesInRows(std::span<const std::byte> data, int64_t rows,
                        int64_t columns, int bits, int wordBytes);

/// A matrix [rows, 32 groups] of e2m1 codes, two to a byte of `codes`, the low
/// one first, with the exponent of a scale for each 32 of a row in a byte of
/// `scales`, [rows, groups], plus 127.
StoredMatrix::Parts mxfp4Parts(std::span<const std::byte> codes,
                               std::span<const std::byte> scales, int64_t rows,
                               int64_t groups);

// One function for each method. `settings` are those of quantization_config.
void addGPTQ(Settings &settings, QuantizedTensors &tensors);
void addAWQ(Settings &settings, QuantizedTensors &tensors);
void addCompressedTensors(Settings &settings, QuantizedTensors &tensors);
void addFP8(Settings &settings, QuantizedTensors &tensors);
/// FP8 without settings: scales beside a matrix are for all of it or its rows.
void addScaledFP8(QuantizedTensors &tensors);
void addBitsAndBytes(Settings &settings, QuantizedTensors &tensors);
void addMXFP4(Settings &settings, QuantizedTensors &tensors);

} // namespace mica

#endif // LIB_IMPORT_QUANTIZED_METHOD_H
