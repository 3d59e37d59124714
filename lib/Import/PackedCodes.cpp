//===- PackedCodes.cpp - Small integers packed in a tensor ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/PackedCodes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

using namespace mica;

/// Codes that begin and end with a word, at most.
static constexpr int kUnit = 32;
/// Lines that are read and transposed at a time.
static constexpr int64_t kTile = 64;

namespace {

/// The words and codes of the smallest unit of whole words and whole codes.
struct Unit {
  int words, codes;
};

constexpr Unit unitOf(int bits, int wordBits) {
  int common = std::gcd(bits, wordBits);
  return {bits / common, wordBits / common};
}

/// Reads `units` units from the `words` words from `from` on, `step` bytes
/// apart. Code c of each is at the place `order[c]`, or c.
template <int Bits, class Word>
void readUnits(const std::byte *from, int64_t step, int64_t words,
               std::span<const uint8_t> order, int64_t units, uint8_t *out) {
  constexpr int wordBits = 8 * sizeof(Word);
  constexpr Unit unit = unitOf(Bits, wordBits);
  constexpr uint64_t mask = (1u << Bits) - 1;
  for (int64_t u = 0; u < units; ++u, out += unit.codes) {
    std::array<Word, unit.words + 1> word = {};
    for (int w = 0; w < unit.words && w < words; ++w, from += step)
      std::memcpy(&word[w], from, sizeof(Word));
    words -= unit.words;
    uint8_t part[unit.codes];
    for (int c = 0; c < unit.codes; ++c) {
      int at = c * Bits / wordBits, down = c * Bits % wordBits;
      uint64_t both = word[at];
      if (wordBits % Bits != 0) // a code may go on in the next word
        both |= uint64_t(word[at + 1]) << wordBits;
      part[c] = uint8_t(both >> down & mask);
    }
    if (order.empty())
      std::memcpy(out, part, unit.codes);
    else
      for (int c = 0; c < unit.codes; ++c)
        out[c] = part[order[c]];
  }
}

using ReadUnits = void(const std::byte *, int64_t, int64_t,
                       std::span<const uint8_t>, int64_t, uint8_t *);

template <class Word, int... Bits>
ReadUnits *readerFor(int bits, std::integer_sequence<int, Bits...>) {
  ReadUnits *reader = nullptr;
  ((bits == Bits + 1 ? void(reader = readUnits<Bits + 1, Word>) : void()), ...);
  return reader;
}

ReadUnits *readerOf(const PackedCodes &codes) {
  auto widths = std::make_integer_sequence<int, 8>();
  return codes.wordBytes == 1 ? readerFor<uint8_t>(codes.bits, widths)
                              : readerFor<uint32_t>(codes.bits, widths);
}

} // namespace

/// Reads codes [begin, begin + count) of a line. `order` is that of its words.
void PackedCodes::readLine(int64_t line, int64_t begin, int64_t count,
                           std::span<const uint8_t> order, uint8_t *out) const {
  int64_t size = across ? rows : columns;
  if (!lineStep) { // one line of all
    begin += line * size;
    size = rows * columns;
    line = 0;
  }
  int wordBits = 8 * wordBytes;
  Unit unit = unitOf(bits, wordBits);
  int64_t words = (size * bits + wordBits - 1) / wordBits;
  if (bits == 8 && wordBytes == 1 && wordStep == 1) {
    const std::byte *from = data.data() + line * lineStep + begin;
    return void(std::memcpy(out, from, count));
  }
  ReadUnits *reader = readerOf(*this);
  for (int64_t end = begin + count; begin < end;) {
    int64_t first = begin / unit.codes, word = first * unit.words;
    int64_t skipped = begin - first * unit.codes;
    const std::byte *from = data.data() + line * lineStep + word * wordStep;
    int64_t whole = (end - begin) / unit.codes;
    int64_t done = whole * unit.codes;
    if (skipped || !whole) { // a part of a unit
      uint8_t part[kUnit];
      reader(from, wordStep, words - word, order, 1, part);
      done = std::min(unit.codes - skipped, end - begin);
      std::copy_n(part + skipped, done, out);
    } else {
      reader(from, wordStep, words - word, order, whole, out);
    }
    out += done;
    begin += done;
  }
}

/// Reads rows [first, first + count), each a place in every line. Whole words
/// are read, whose codes come into order when they are transposed.
void PackedCodes::readAcross(int64_t first, int64_t count, uint8_t *out) const {
  int64_t size = std::max<int64_t>(order.size(), 1);
  int64_t begin = first / size * size;
  int64_t width = (first + count + size - 1) / size * size - begin;
  std::vector<uint8_t> tile(kTile * width);
  for (int64_t k = 0; k < columns; k += kTile) {
    int64_t lines = std::min(kTile, columns - k);
    for (int64_t i = 0; i < lines; ++i)
      readLine(k + i, begin, width, {}, tile.data() + i * width);
    for (int64_t r = first; r < first + count; ++r) {
      int64_t place = order.empty() ? r : r / size * size + order[r % size];
      const uint8_t *from = tile.data() + place - begin;
      uint8_t *to = out + (r - first) * columns + k;
      for (int64_t i = 0; i < lines; ++i)
        to[i] = from[i * width];
    }
  }
}

/// Where words of neighbouring rows lie side by side, pieces of the rows are
/// read in turn, whose words are in the cache then.
void PackedCodes::read(int64_t first, int64_t count, uint8_t *out) const {
  constexpr int64_t piece = 256;
  static_assert(piece % kUnit == 0);
  if (across) {
    readAcross(first, count, out);
  } else {
    int64_t step = hasRows() ? columns : piece;
    for (int64_t k = 0; k < columns; k += step)
      for (int64_t r = 0; r < count; ++r)
        readLine(first + r, k, std::min(step, columns - k), order,
                 out + r * columns + k);
  }
  for (int64_t i = 0; flip && i < count * columns; ++i)
    out[i] ^= flip;
}
