//===- Tables.h - The tokenizer tables of a .mica file ----------*- C++ -*-===//
//
// The compiler writes one blob (`lib/Import/TokenizerTables.cpp`), the runtime
// maps it and uses it in place: nothing is rebuilt when it is loaded. All
// integers are little-endian; offsets count from the start of the blob.
//
// A text goes through these tables in order: added tokens that match the raw
// text, `normalizer`, added tokens that match normalized text, `preTokenizer`,
// and the model: byte-pair merges by rank, the pieces with the best sum of
// scores, or the longest pieces from the left.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_TABLES_H
#define RUNTIME_TOKENIZER_TABLES_H

#include "mica/Status.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace mica::tokenizer {

static_assert(std::endian::native == std::endian::little,
              "the tables are read in place");

inline constexpr char kMagic[8] = {'M', 'I', 'C', 'A', 'T', 'O', 'K', '\n'};
inline constexpr uint32_t kVersion = 2;
inline constexpr uint32_t kEmpty = 0xffffffff; // a free slot, or no id
inline constexpr uint32_t kMaxSteps = 64;
inline constexpr uint32_t kMaxPattern = 1 << 16; // bytes of a step's text
inline constexpr uint32_t kMaxGrowth = 1 << 10;  // of a text by its steps
inline constexpr uint32_t kMaxWord = 1 << 10;    // characters, in WordPiece

/// How a word becomes ids.
enum class ModelKind : uint32_t { BPE, Unigram, WordPiece };
inline constexpr uint32_t kModelKinds = 3;

/// How the model as a whole behaves; bits of `Header::flags`.
enum Flag : uint32_t {
  ByteLevel = 1,     // symbols are bytes, not characters
  ByteFallback = 2,  // an unknown character becomes its bytes' tokens
  FuseUnknown = 4,   // neighbouring unknown characters share one token
  IgnoreMerges = 8,  // a word that is a piece is that piece
  DecodeSpaces = 16, // U+2581 in a piece is a space
  DecodeStrip = 32,  // one leading space of a decoded text is dropped
  DecodeFirst = 64,  // all spaces of the first piece of a text are dropped
  DecodeWords = 128, // a space before pieces that do not continue a word
  FloatScores = 512, // sums of scores are rounded to 32 bits
  DecodeTidy = 256,  // no space before punctuation and English endings
};
inline constexpr uint32_t kAllFlags = 1023;

enum class PieceKind : uint8_t { Normal, Control, Added, Byte, Unused };
inline constexpr uint8_t kPieceKinds = 5;

/// What a normalizer or pre-tokenizer step does to a piece of text.
enum class StepKind : uint32_t {
  NFC,
  NFD,
  NFKC,
  NFKD,
  Replace, // every `a` becomes `b`; also in a pre-tokenizer
  Prepend, // `a` before a text that is not empty
  // In a normalizer only:
  ReplacePattern, // every match of pattern `a` becomes `b`
  Charsmap,       // by `Header::charsmap`; `option` 1: as SentencePiece does
  CleanText,      // as in `Cleaning.h`, and so the next ones
  SpaceChinese,
  StripMarks, // `option` 1: of all kinds
  Lowercase,
  StripSpace, // `option`: 1 on the left, 2 on the right
  // In a pre-tokenizer only:
  PrependAlways, // `a` before a text that does not start with it
  PrependFirst,  // the same, at the start of the whole input only
  Split,         // at matches of pattern `a`; `option` says how
};

/// What becomes of the matches of a split; the low bits of `Step::option`.
enum class SplitMode : uint32_t {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous,
};
inline constexpr uint32_t kSplitModes = 5;
inline constexpr uint32_t kSplitInvert = 8; // what does not match is a match

/// How an added token matches; bits of `Added::flags`.
enum AddedFlag : uint32_t {
  Special = 1,    // not matched when special tokens are not parsed
  SingleWord = 2, // only where no word character touches it
  StripLeft = 4,  // takes the white space before it
  StripRight = 8, // takes the white space after it
};
inline constexpr uint32_t kAllAddedFlags = 15;

/// `count` elements from byte `offset` of the blob.
struct Range {
  uint32_t offset, count;
};

/// Bytes of `Header::strings`.
struct Text {
  uint32_t offset, size;
};

struct Step {
  StepKind kind;
  uint32_t option;
  Text a, b;
};

/// A slot of the merge table: the pair `left right` becomes `merged`; the pair
/// of lowest rank goes first. Free if `left` is `kEmpty`.
struct Merge {
  uint32_t left, right, rank, merged;
};

struct Added {
  Text text;
  uint32_t id, flags;
};

struct Header {
  char magic[8];
  double unknownScore; // of a character without a piece, in Unigram
  uint32_t version, flags, size;
  ModelKind model;
  uint32_t vocab;        // number of ids
  uint32_t unknown, bos; // ids or kEmpty
  Range pieceStart;      // uint32_t [vocab + 1]: start in pieceBytes
  Range pieceBytes;      // char: raw bytes if ByteLevel, else UTF-8
  Range pieceKind;       // PieceKind [vocab]
  Range pieceSlot;       // uint32_t: id by slotOf(hashText(piece))
  Range mergeSlot;       // Merge by slotOf(hashPair(left, right))
  Range score;           // double [vocab] in Unigram, else none
  Range sorted;          // uint32_t: ids of pieces by text, in Unigram
  Range charsmap;        // char: SentencePiece's, or none
  Range byteId;          // uint32_t [256]: id of a byte, or kEmpty
  Range rawAdded;        // Added, sorted by text: match the raw text
  Range normalizedAdded; // Added, sorted by text: match normalized text
  Range normalizer;      // Step
  Range preTokenizer;    // Step
  Range strings;         // char: texts of steps and added tokens
  Range prefix, suffix;  // uint32_t: ids around a text (bos, eos)
  Range eos;             // uint32_t: ids that end a generation
  Text continuing;       // what pieces inside of a word begin with
  uint32_t maxChars;     // of a word, in WordPiece
  uint32_t reserved;     // 0
};

/// The hash of a piece (64-bit FNV-1a, mixed).
inline uint64_t hashText(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : text)
    h = (h ^ c) * 0x100000001b3;
  return (h ^ (h >> 32)) * 0x9e3779b97f4a7c15;
}

/// The hash of a pair of ids.
inline uint64_t hashPair(uint32_t left, uint32_t right) {
  uint64_t h = ((uint64_t{left} << 32) | right) * 0x9e3779b97f4a7c15;
  return (h ^ (h >> 32)) * 0xbf58476d1ce4e5b9;
}

/// The first slot to look at among `slots`; the next ones follow, cyclically.
inline uint32_t slotOf(uint64_t hash, uint32_t slots) {
  return static_cast<uint32_t>(((hash >> 32) * slots) >> 32);
}

/// Elements of a mapped table, at any alignment.
template <class T> class Array {
public:
  Array() = default;
  Array(const std::byte *data, uint32_t size) : data(data), count(size) {}

  uint32_t size() const { return count; }
  T operator[](uint32_t i) const {
    T element;
    std::memcpy(&element, data + size_t{i} * sizeof(T), sizeof(T));
    return element;
  }

private:
  const std::byte *data = nullptr;
  uint32_t count = 0;
};

/// The byte of a token such as `<0x0A>`, or -1.
int spelledByte(std::string_view token);

/// A checked view of the blob: every offset, id and enumerator in it is valid,
/// and every hash table has a free slot.
struct Tables {
  Header header;
  Array<uint32_t> pieceStart, pieceSlot, sorted, byteId, prefix, suffix, eos;
  Array<double> score;
  Array<PieceKind> pieceKind;
  Array<Merge> mergeSlot;
  Array<Added> rawAdded, normalizedAdded;
  Array<Step> normalizer, preTokenizer;
  std::string_view pieceBytes, strings, charsmap;

  bool has(Flag flag) const { return header.flags & flag; }
  std::string_view text(Text t) const {
    return {strings.data() + t.offset, t.size};
  }
  std::string_view piece(uint32_t id) const {
    uint32_t start = pieceStart[id];
    return {pieceBytes.data() + start, pieceStart[id + 1] - start};
  }

  /// What a piece stands for: its bytes, or the one that `<0x0A>` spells, which
  /// is how unigram models look up byte pieces.
  std::string_view bytesOf(uint32_t id) const;

  /// The id of the piece with exactly these bytes, or kEmpty.
  uint32_t find(std::string_view text) const;

  /// The merge of two neighbours; `left` is kEmpty if they do not merge.
  Merge merge(uint32_t left, uint32_t right) const;
};

/// Checks `blob` completely, in one pass. The result points into it.
Expected<Tables> readTables(std::span<const std::byte> blob);

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_TABLES_H
