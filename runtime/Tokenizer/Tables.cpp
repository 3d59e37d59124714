//===- Tables.cpp - Check and search the tokenizer tables -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Tables.h"
#include "runtime/Tokenizer/Charsmap.h"
#include "runtime/Tokenizer/Unicode.h"

#include <cmath>
#include <string>

using namespace mica;
using namespace mica::tokenizer;

int mica::tokenizer::spelledByte(std::string_view token) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
    return -1;
  size_t high = digits.find(token[3]), low = digits.find(token[4]);
  return high < 16 && low < 16 ? int(high * 16 + low) : -1;
}

std::string_view Tables::bytesOf(uint32_t id) const {
  static const std::string bytes = [] {
    std::string all;
    for (int byte = 0; byte < 256; ++byte)
      all.push_back(static_cast<char>(byte));
    return all;
  }();
  std::string_view text = piece(id);
  int byte = pieceKind[id] == PieceKind::Byte ? spelledByte(text) : -1;
  return byte < 0 ? text : std::string_view(bytes).substr(size_t(byte), 1);
}

uint32_t Tables::find(std::string_view text) const {
  uint32_t slots = pieceSlot.size();
  for (uint32_t slot = slotOf(hashText(text), slots);;
       slot = slot + 1 == slots ? 0 : slot + 1) {
    uint32_t id = pieceSlot[slot];
    if (id == kEmpty || piece(id) == text)
      return id;
  }
}

Merge Tables::merge(uint32_t left, uint32_t right) const {
  uint32_t slots = mergeSlot.size();
  for (uint32_t slot = slotOf(hashPair(left, right), slots);;
       slot = slot + 1 == slots ? 0 : slot + 1) {
    Merge merge = mergeSlot[slot];
    if (merge.left == kEmpty || (merge.left == left && merge.right == right))
      return merge;
  }
}

namespace {

bool isNormalizer(StepKind kind) { return kind <= StepKind::StripSpace; }
bool isPreTokenizer(StepKind kind) {
  return kind == StepKind::Replace ||
         (kind > StepKind::StripSpace && kind <= StepKind::Split);
}
bool needsText(StepKind kind) {
  return kind == StepKind::Replace || kind == StepKind::Prepend ||
         kind == StepKind::ReplacePattern || kind > StepKind::StripSpace;
}

/// How many times longer a step can make a text.
uint64_t growthOf(const Step &step, const Charsmap &charsmap) {
  switch (step.kind) {
  case StepKind::Replace:
    return 1 + step.b.size / step.a.size;
  case StepKind::ReplacePattern:
    return 1 + step.b.size;
  case StepKind::Charsmap:
    return 1 + charsmap.longestReplacement();
  case StepKind::SpaceChinese:
  case StepKind::Lowercase:
    return 2;
  default:
    return 1;
  }
}

/// One check after the other; the first that fails leaves the reason.
class Checker {
public:
  Checker(std::span<const std::byte> blob) : blob(blob) {}

  Expected<Tables> run() {
    if (readHeader() && readRanges() && checkPieces() && checkMerges() &&
        checkScores() && checkIds() && checkText(t.header.continuing) &&
        checkAdded(t.rawAdded) && checkAdded(t.normalizedAdded) &&
        checkSteps(t.normalizer, isNormalizer) &&
        checkSteps(t.preTokenizer, isPreTokenizer))
      return t;
    return Error{"tokenizer tables: " + reason};
  }

private:
  bool fail(std::string what) {
    reason = std::move(what);
    return false;
  }
  bool isId(uint32_t id) const { return id < t.header.vocab; }
  bool isIdOrNone(uint32_t id) const { return id == kEmpty || isId(id); }

  bool readHeader();
  bool readRanges();
  bool checkPieces();
  bool checkMerges();
  bool checkScores();
  bool checkIds();
  bool checkAdded(Array<Added> added);
  bool checkSteps(Array<Step> steps, bool (*allowed)(StepKind));
  bool checkText(Text text);

  /// `range` as elements of T; fails when it leaves the blob.
  template <class T> bool read(Range range, const char *name, Array<T> &array) {
    if (range.offset > t.header.size ||
        range.count > (t.header.size - range.offset) / sizeof(T))
      return fail(std::string(name) + " at " + std::to_string(range.offset) +
                  " with " + std::to_string(range.count) +
                  " elements found, expected to end before " +
                  std::to_string(t.header.size));
    array = Array<T>(blob.data() + range.offset, range.count);
    return true;
  }
  bool read(Range range, const char *name, std::string_view &bytes) {
    Array<char> array;
    if (!read(range, name, array))
      return false;
    bytes = {reinterpret_cast<const char *>(blob.data()) + range.offset,
             range.count};
    return true;
  }

  std::span<const std::byte> blob;
  Tables t;
  std::string reason;
};

} // namespace

bool Checker::readHeader() {
  Header &h = t.header;
  if (blob.size() < sizeof(Header))
    return fail(std::to_string(blob.size()) +
                " bytes found, expected at least " +
                std::to_string(sizeof(Header)));
  std::memcpy(&h, blob.data(), sizeof(Header));
  if (std::memcmp(h.magic, kMagic, sizeof(kMagic)) != 0)
    return fail("another magic found, expected 'MICATOK'");
  if (h.version != kVersion)
    return fail("version " + std::to_string(h.version) + " found, expected " +
                std::to_string(kVersion));
  if (h.size > blob.size())
    return fail(std::to_string(blob.size()) + " bytes found, expected " +
                std::to_string(h.size));
  if (h.flags & ~kAllFlags)
    return fail("flags " + std::to_string(h.flags) +
                " found, expected known bits");
  if (static_cast<uint32_t>(h.model) >= kModelKinds || h.maxChars > kMaxWord)
    return fail("model " + std::to_string(static_cast<uint32_t>(h.model)) +
                " with words of " + std::to_string(h.maxChars) +
                " characters found, expected below " +
                std::to_string(kModelKinds) + " and up to " +
                std::to_string(kMaxWord));
  if (!h.vocab || h.vocab > uint32_t{1} << 30)
    return fail("vocabulary of " + std::to_string(h.vocab) +
                " found, expected 1 to 2^30");
  return true;
}

bool Checker::readRanges() {
  const Header &h = t.header;
  if (!read(h.pieceStart, "piece starts", t.pieceStart) ||
      !read(h.pieceBytes, "piece bytes", t.pieceBytes) ||
      !read(h.pieceKind, "piece kinds", t.pieceKind) ||
      !read(h.pieceSlot, "piece slots", t.pieceSlot) ||
      !read(h.mergeSlot, "merge slots", t.mergeSlot) ||
      !read(h.score, "scores", t.score) ||
      !read(h.sorted, "sorted pieces", t.sorted) ||
      !read(h.charsmap, "charsmap", t.charsmap) ||
      !read(h.byteId, "byte ids", t.byteId) ||
      !read(h.rawAdded, "added tokens", t.rawAdded) ||
      !read(h.normalizedAdded, "normalized tokens", t.normalizedAdded) ||
      !read(h.normalizer, "normalizer", t.normalizer) ||
      !read(h.preTokenizer, "pre-tokenizer", t.preTokenizer) ||
      !read(h.strings, "strings", t.strings) ||
      !read(h.prefix, "prefix", t.prefix) ||
      !read(h.suffix, "suffix", t.suffix) || !read(h.eos, "end ids", t.eos))
    return false;
  if (t.pieceStart.size() != h.vocab + 1 || t.pieceKind.size() != h.vocab ||
      t.byteId.size() != 256 ||
      t.score.size() != (h.model == ModelKind::Unigram ? h.vocab : 0))
    return fail("tables of other sizes found, expected " +
                std::to_string(h.vocab) + " pieces and 256 bytes");
  return true;
}

bool Checker::checkPieces() {
  uint32_t previous = 0;
  for (uint32_t i = 0; i <= t.header.vocab; ++i) {
    uint32_t start = t.pieceStart[i];
    if (start < previous || start > t.pieceBytes.size())
      return fail("piece " + std::to_string(i) + " at " +
                  std::to_string(start) + " found, expected within " +
                  std::to_string(previous) + " to " +
                  std::to_string(t.pieceBytes.size()));
    previous = start;
  }
  for (uint32_t i = 0; i < t.header.vocab; ++i) {
    auto kind = static_cast<uint8_t>(t.pieceKind[i]);
    if (kind >= kPieceKinds)
      return fail("kind " + std::to_string(kind) + " of piece " +
                  std::to_string(i) + " found, expected below " +
                  std::to_string(kPieceKinds));
    if (t.pieceKind[i] == PieceKind::Byte && t.bytesOf(i).size() != 1)
      return fail("byte piece " + std::to_string(i) + " of " +
                  std::to_string(t.piece(i).size()) +
                  " bytes found, expected 1");
  }
  uint32_t used = 0;
  for (uint32_t i = 0; i < t.pieceSlot.size(); ++i) {
    if (!isIdOrNone(t.pieceSlot[i]))
      return fail("piece slot with id " + std::to_string(t.pieceSlot[i]) +
                  " found, expected below " + std::to_string(t.header.vocab));
    used += t.pieceSlot[i] != kEmpty;
  }
  if (used >= t.pieceSlot.size())
    return fail("full piece table found, expected a free slot");
  return true;
}

bool Checker::checkMerges() {
  uint32_t used = 0;
  for (uint32_t i = 0; i < t.mergeSlot.size(); ++i) {
    Merge merge = t.mergeSlot[i];
    if (merge.left == kEmpty)
      continue;
    if (!isId(merge.left) || !isId(merge.right) || !isId(merge.merged))
      return fail("merge of " + std::to_string(merge.left) + " and " +
                  std::to_string(merge.right) + " to " +
                  std::to_string(merge.merged) + " found, expected ids below " +
                  std::to_string(t.header.vocab));
    ++used;
  }
  if (used >= t.mergeSlot.size())
    return fail("full merge table found, expected a free slot");
  return true;
}

bool Checker::checkScores() {
  for (uint32_t id = 0; id < t.score.size(); ++id)
    if (!std::isfinite(t.score[id]))
      return fail("score of piece " + std::to_string(id) +
                  " not finite found, expected a number");
  if (!std::isfinite(t.header.unknownScore))
    return fail("unknown score not finite found, expected a number");
  std::string_view previous;
  for (uint32_t i = 0; i < t.sorted.size(); ++i) {
    uint32_t id = t.sorted[i];
    if (!isId(id) || t.piece(id) <= previous)
      return fail("sorted piece " + std::to_string(i) + " with id " +
                  std::to_string(id) +
                  " found, expected ids in the order of their texts");
    previous = t.piece(id);
  }
  return true;
}

bool Checker::checkIds() {
  if (!isIdOrNone(t.header.unknown) || !isIdOrNone(t.header.bos))
    return fail("unknown id " + std::to_string(t.header.unknown) +
                " and bos id " + std::to_string(t.header.bos) +
                " found, expected below " + std::to_string(t.header.vocab));
  for (uint32_t i = 0; i < 256; ++i)
    if (!isIdOrNone(t.byteId[i]))
      return fail("id " + std::to_string(t.byteId[i]) + " of byte " +
                  std::to_string(i) + " found, expected below " +
                  std::to_string(t.header.vocab));
  for (const Array<uint32_t> *ids : {&t.prefix, &t.suffix, &t.eos})
    for (uint32_t i = 0; i < ids->size(); ++i)
      if (!isId((*ids)[i]))
        return fail("special id " + std::to_string((*ids)[i]) +
                    " found, expected below " + std::to_string(t.header.vocab));
  return true;
}

bool Checker::checkText(Text text) {
  if (text.offset > t.strings.size() ||
      text.size > t.strings.size() - text.offset)
    return fail("text at " + std::to_string(text.offset) + " of " +
                std::to_string(text.size) + " bytes found, expected within " +
                std::to_string(t.strings.size()));
  if (replaceInvalid(t.text(text)))
    return fail("text at " + std::to_string(text.offset) +
                " with other bytes found, expected UTF-8");
  return true;
}

bool Checker::checkAdded(Array<Added> added) {
  std::string_view previous;
  for (uint32_t i = 0; i < added.size(); ++i) {
    Added token = added[i];
    if (!checkText(token.text))
      return false;
    if (!isId(token.id) || token.flags & ~kAllAddedFlags)
      return fail("added token with id " + std::to_string(token.id) +
                  " and flags " + std::to_string(token.flags) +
                  " found, expected an id below " +
                  std::to_string(t.header.vocab) + " and known flags");
    if (t.text(token.text) <= previous)
      return fail("added token " + std::to_string(i) +
                  " out of order found, expected them sorted by text");
    previous = t.text(token.text);
  }
  return true;
}

bool Checker::checkSteps(Array<Step> steps, bool (*allowed)(StepKind)) {
  uint64_t growth = 1; // how much longer a text can become
  Expected<Charsmap> charsmap = Charsmap::create(t.charsmap);
  if (!charsmap)
    return fail(charsmap.error().message);
  if (steps.size() > kMaxSteps)
    return fail(std::to_string(steps.size()) + " steps found, expected up to " +
                std::to_string(kMaxSteps));
  for (uint32_t i = 0; i < steps.size(); ++i) {
    Step step = steps[i];
    if (!checkText(step.a) || !checkText(step.b))
      return false;
    if (!allowed(step.kind) || (step.option & ~kSplitInvert) >= kSplitModes)
      return fail("step " + std::to_string(static_cast<uint32_t>(step.kind)) +
                  " with option " + std::to_string(step.option) +
                  " found, expected known values");
    if ((needsText(step.kind) && !step.a.size) || step.a.size > kMaxPattern ||
        step.b.size > kMaxPattern)
      return fail("step text of " + std::to_string(step.a.size) + " and " +
                  std::to_string(step.b.size) + " bytes found, expected 1 to " +
                  std::to_string(kMaxPattern));
    growth *= growthOf(step, *charsmap);
    if (growth > kMaxGrowth)
      return fail("text growing " + std::to_string(growth) +
                  " times found, expected up to " + std::to_string(kMaxGrowth));
  }
  return true;
}

Expected<Tables> tokenizer::readTables(std::span<const std::byte> blob) {
  return Checker(blob).run();
}
