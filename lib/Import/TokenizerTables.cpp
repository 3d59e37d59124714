//===- TokenizerTables.cpp - Build the tables of a tokenizer --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerSource.h"
#include "runtime/Tokenizer/Normalizer.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <map>
#include <span>

using namespace mica;
using namespace mica::tokenizer;

namespace {

/// How much worse than the worst piece a character without one scores.
constexpr double kUnknownPenalty = 10;

/// Collects the arrays behind a header, each at a multiple of 8 bytes.
class Builder {
public:
  explicit Builder(const TokenizerSource &source) : source(source) {}

  Expected<std::string> run();

private:
  template <class T> Range append(const std::vector<T> &array) {
    blob.resize((blob.size() + 7) / 8 * 8);
    Range range = {static_cast<uint32_t>(blob.size()),
                   static_cast<uint32_t>(array.size())};
    auto *bytes = reinterpret_cast<const char *>(array.data());
    blob.append(bytes, array.size() * sizeof(T));
    return range;
  }
  Text text(std::string_view value) {
    Text text = {static_cast<uint32_t>(strings.size()),
                 static_cast<uint32_t>(value.size())};
    strings.insert(strings.end(), value.begin(), value.end());
    return text;
  }

  void addPieces();
  std::vector<uint32_t> pieceSlots() const;
  std::vector<tokenizer::Merge> mergeSlots() const;
  std::vector<Added> addedTokens(bool normalized);
  std::vector<Step> steps(const std::vector<TokenizerSource::Step> &steps);
  std::vector<uint32_t> sortedPieces() const;
  Status addNormalizer();

  const TokenizerSource &source;
  Normalizer normalizer;
  Header header = {};
  std::string blob;
  std::vector<char> strings;
};

} // namespace

void Builder::addPieces() {
  std::vector<uint32_t> starts = {0};
  std::vector<char> bytes;
  std::vector<PieceKind> kinds;
  for (const TokenizerSource::Piece &piece : source.pieces) {
    bytes.insert(bytes.end(), piece.text.begin(), piece.text.end());
    starts.push_back(static_cast<uint32_t>(bytes.size()));
    kinds.push_back(piece.kind);
  }
  header.vocab = static_cast<uint32_t>(kinds.size());
  header.pieceStart = append(starts);
  header.pieceBytes = append(bytes);
  header.pieceKind = append(kinds);
}

/// The number of slots for `count` entries: two thirds are used.
static uint32_t slotCount(size_t count) {
  return static_cast<uint32_t>(count + count / 2 + 1);
}

std::vector<uint32_t> Builder::pieceSlots() const {
  size_t count = static_cast<size_t>(
      std::count_if(source.pieces.begin(), source.pieces.end(),
                    [](const auto &piece) { return piece.lookup; }));
  std::vector<uint32_t> slots(slotCount(count), kEmpty);
  for (uint32_t id = 0; id < source.pieces.size(); ++id) {
    const TokenizerSource::Piece &piece = source.pieces[id];
    if (!piece.lookup)
      continue;
    size_t slot =
        slotOf(hashText(piece.text), static_cast<uint32_t>(slots.size()));
    while (slots[slot] != kEmpty &&
           source.pieces[slots[slot]].text != piece.text)
      slot = (slot + 1) % slots.size();
    slots[slot] = id;
  }
  return slots;
}

std::vector<tokenizer::Merge> Builder::mergeSlots() const {
  tokenizer::Merge empty = {kEmpty, 0, 0, 0};
  std::vector<tokenizer::Merge> slots(slotCount(source.merges.size()), empty);
  for (uint32_t rank = 0; rank < source.merges.size(); ++rank) {
    const TokenizerSource::Merge &merge = source.merges[rank];
    size_t slot = slotOf(hashPair(merge.left, merge.right),
                         static_cast<uint32_t>(slots.size()));
    while (slots[slot].left != kEmpty &&
           (slots[slot].left != merge.left || slots[slot].right != merge.right))
      slot = (slot + 1) % slots.size();
    slots[slot] = {merge.left, merge.right, rank, merge.merged};
  }
  return slots;
}

/// The ids of pieces in the order of their texts, which a unigram model looks
/// up by prefix.
std::vector<uint32_t> Builder::sortedPieces() const {
  std::map<std::string_view, uint32_t> ids;
  if (source.model == ModelKind::Unigram)
    for (uint32_t id = 0; id < source.pieces.size(); ++id)
      if (source.pieces[id].lookup)
        ids[source.pieces[id].text] = id;
  std::vector<uint32_t> sorted;
  sorted.reserve(ids.size());
  for (const auto &[text, id] : ids)
    sorted.push_back(id);
  return sorted;
}

/// Added tokens may be found in normalized text: in their normalized form.
Status Builder::addNormalizer() {
  Expected<Charsmap> charsmap = Charsmap::create(source.charsmap);
  if (!charsmap)
    return charsmap.takeError();
  normalizer = Normalizer(*charsmap);
  for (const TokenizerSource::Step &step : source.normalizer)
    if (Status status = normalizer.add(step.kind, step.option, step.a, step.b);
        !status)
      return status;
  return {};
}

std::vector<Added> Builder::addedTokens(bool normalized) {
  std::map<std::string, const TokenizerSource::Added *> sorted;
  for (const TokenizerSource::Added &token : source.added)
    if (token.normalized == normalized && !token.text.empty())
      sorted.emplace(normalized ? normalizer.run(token.text) : token.text,
                     &token);
  std::vector<Added> added;
  for (const auto &[content, token] : sorted)
    if (!content.empty())
      added.push_back({text(content), token->id, token->flags});
  return added;
}

std::vector<Step>
Builder::steps(const std::vector<TokenizerSource::Step> &steps) {
  std::vector<Step> result;
  for (const TokenizerSource::Step &step : steps)
    result.push_back({step.kind, step.option, text(step.a), text(step.b)});
  return result;
}

Expected<std::string> Builder::run() {
  uint64_t size = 0; // at most, so that offsets do not wrap below
  for (const TokenizerSource::Piece &piece : source.pieces)
    size += piece.text.size() + 32;
  for (const TokenizerSource::Added &token : source.added)
    size += token.text.size() * kMaxGrowth + 16;
  size += source.merges.size() * 24 + source.charsmap.size();
  if (size > UINT32_MAX / 2)
    return Error{source.file + ": tokenizer tables of " + std::to_string(size) +
                 " bytes found, expected under 2 GiB"};

  if (Status status = addNormalizer(); !status)
    return Error{source.file + ": tokenizer tables: " + status.error().message};
  blob.resize(sizeof(Header));
  std::copy(std::begin(kMagic), std::end(kMagic), header.magic);
  header.version = kVersion;
  header.flags = source.flags;
  header.unknown = source.unknown.value_or(kEmpty);
  header.bos = source.bos.value_or(kEmpty);
  addPieces();
  header.pieceSlot = append(pieceSlots());
  header.mergeSlot = append(mergeSlots());
  header.model = source.model;
  header.maxChars = source.maxChars;
  header.continuing = text(source.continuing);
  if (source.model == ModelKind::Unigram) {
    header.unknownScore = -kUnknownPenalty;
    if (!source.scores.empty())
      header.unknownScore +=
          *std::min_element(source.scores.begin(), source.scores.end());
    std::vector<double> scores = source.scores;
    scores.resize(source.pieces.size()); // added tokens have none
    header.score = append(scores);
    header.sorted = append(sortedPieces());
  }
  header.charsmap =
      append(std::vector<char>(source.charsmap.begin(), source.charsmap.end()));
  header.byteId = append(source.byteIds);
  header.rawAdded = append(addedTokens(false));
  header.normalizedAdded = append(addedTokens(true));
  header.normalizer = append(steps(source.normalizer));
  header.preTokenizer = append(steps(source.preTokenizer));
  header.strings = append(strings);
  header.prefix = append(source.prefix);
  header.suffix = append(source.suffix);
  header.eos = append(source.eos);
  header.size = static_cast<uint32_t>(blob.size());
  auto *bytes = reinterpret_cast<const char *>(&header);
  std::copy(bytes, bytes + sizeof(Header), blob.begin());

  Expected<Tokenizer> check = Tokenizer::create(std::as_bytes(std::span(blob)));
  if (!check)
    return Error{source.file + ": " + check.error().message};
  return std::move(blob);
}

Expected<std::string>
mica::buildTokenizerTables(const TokenizerSource &source) {
  return Builder(source).run();
}

/// The byte that a character of GPT-2's alphabet stands for, or -1. Printable
/// bytes of Latin-1 stand for themselves; the others, in order, are U+0100 on.
static int alphabetByte(uint32_t code) {
  auto printable = [](uint32_t c) {
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xff && c != 0xad);
  };
  if (code < 0x100)
    return printable(code) ? static_cast<int>(code) : -1;
  uint32_t index = code - 0x100;
  for (int byte = 0; byte < 256; ++byte)
    if (!printable(static_cast<uint32_t>(byte)) && index-- == 0)
      return byte;
  return -1;
}

std::optional<std::string> mica::decodeByteLevel(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    auto first = static_cast<unsigned char>(text[at++]);
    uint32_t code = first;
    if (first >= 0x80) { // the alphabet has one- and two-byte characters only
      if (first < 0xc2 || first > 0xdf || at == text.size())
        return std::nullopt;
      code = (first & 0x1fu) << 6 |
             (static_cast<unsigned char>(text[at++]) & 0x3fu);
    }
    int byte = alphabetByte(code);
    if (byte < 0)
      return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}
