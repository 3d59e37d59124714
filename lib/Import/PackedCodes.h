//===- PackedCodes.h - Small integers packed in a tensor --------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_PACKEDCODES_H
#define LIB_IMPORT_PACKEDCODES_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace mica {

/// A matrix of `rows` x `columns` integers of `bits` bits. They lie in lines,
/// which are the rows or, if `across`, the columns. Code j of line i is bits
/// [bits * j, bits * (j + 1)) of the line, whose words of `wordBytes` bytes
/// begin at byte `lineStep * i` of the tensor, `wordStep` bytes apart. With a
/// `lineStep` of 0, each line begins at the bit where the last one ends.
///
/// A word may hold its codes in another order: code j is at the place
/// `order[j % size]` of its word, whose size is that of `order`.
struct PackedCodes {
  std::span<const std::byte> data;
  int64_t rows = 0, columns = 0;
  int bits = 4;
  bool across = false;
  int wordBytes = 4; ///< 1 or 4
  int64_t lineStep = 0, wordStep = 4;
  std::span<const uint8_t> order = {};
  uint8_t flip = 0; ///< bits that are stored inverted, as a sign

  /// Writes rows [first, first + count) to `out` [count][columns].
  void read(int64_t first, int64_t count, uint8_t *out) const;

  /// Whether the words of a row lie side by side.
  bool hasRows() const {
    return !across && (!lineStep || wordStep <= lineStep);
  }

private:
  void readLine(int64_t line, int64_t begin, int64_t count,
                std::span<const uint8_t> order, uint8_t *out) const;
  void readAcross(int64_t first, int64_t count, uint8_t *out) const;
};

} // namespace mica

#endif // LIB_IMPORT_PACKEDCODES_H
