//===- Tokenizer.cpp - Text to ids and back -------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Tokenizer.h"
#include "runtime/Tokenizer/Unicode.h"
#include "runtime/Tokenizer/WordPiece.h"

#include <initializer_list>
#include <utility>

using namespace mica;
using namespace mica::tokenizer;

struct Tokenizer::Output {
  Merger merger;
  Unigram unigram;
  std::vector<int32_t> ids;
};

Tokenizer::Tokenizer(std::unique_ptr<const Tables> checked)
    : tables(std::move(checked)), rawAdded(*tables, tables->rawAdded),
      normalizedAdded(*tables, tables->normalizedAdded), prefixes(*tables) {}

Expected<Tokenizer> Tokenizer::create(std::span<const std::byte> blob) {
  Expected<Tables> checked = readTables(blob);
  if (!checked)
    return checked.takeError();
  Tokenizer result(std::make_unique<const Tables>(*checked));
  if (Status status = result.addSteps(); !status)
    return Error{"tokenizer tables: " + status.error().message};
  return result;
}

/// Compiles the patterns of the normalizer and of the pre-tokenizer.
Status Tokenizer::addSteps() {
  Expected<Charsmap> charsmap = Charsmap::create(tables->charsmap);
  if (!charsmap)
    return charsmap.takeError();
  normalizer = Normalizer(*charsmap);
  for (uint32_t i = 0; i < tables->normalizer.size(); ++i) {
    Step step = tables->normalizer[i];
    if (Status status = normalizer.add(
            step.kind, step.option, tables->text(step.a), tables->text(step.b));
        !status)
      return status;
  }
  for (uint32_t i = 0; i < tables->preTokenizer.size(); ++i) {
    Step step = tables->preTokenizer[i];
    if (step.kind != StepKind::Split)
      continue;
    Expected<Pattern> pattern = Pattern::create(tables->text(step.a));
    if (!pattern)
      return pattern.takeError();
    patterns.push_back(std::move(*pattern));
  }
  return {};
}

std::vector<int32_t> Tokenizer::encode(std::string_view text,
                                       EncodeOptions options) const {
  Output output{Merger(*tables), Unigram(*tables, prefixes), {}};
  if (options.addSpecial)
    for (uint32_t i = 0; i < tables->prefix.size(); ++i)
      output.ids.push_back(static_cast<int32_t>(tables->prefix[i]));
  std::optional<std::string> valid = replaceInvalid(text);
  if (valid)
    text = *valid;
  bool start = true;
  for (const AddedTokens::Part &part :
       rawAdded.parts(*tables, text, options.parseSpecial, options.guarded)) {
    if (part.id != kEmpty)
      output.ids.push_back(static_cast<int32_t>(part.id));
    else if (options.guarded)
      encodeGuarded(part.text, start, options.parseSpecial, output);
    else
      encodeRaw(part.text, start, options.parseSpecial, output);
    start = false;
  }
  if (options.addSpecial)
    for (uint32_t i = 0; i < tables->suffix.size(); ++i)
      output.ids.push_back(static_cast<int32_t>(tables->suffix[i]));
  return std::move(output.ids);
}

std::string Tokenizer::guard(std::string_view text,
                             std::string_view alsoOf) const {
  std::string clean = replaceAll(text, kGuard, kReplacement);
  if (std::optional<std::string> valid = replaceInvalid(clean))
    clean = std::move(*valid);
  text = clean;
  // What is found in normalized text has no place in this one.
  bool everywhere =
      normalizedAdded.hasControl(*tables, normalizer.run(text), alsoOf);
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && (everywhere ||
                   rawAdded.startsControl(*tables, text.substr(at), alsoOf)))
      result += kGuard;
    result += text[at];
  }
  return result;
}

/// Encodes a text between added tokens that may have guards. One that has them
/// is not searched for added tokens again.
void Tokenizer::encodeGuarded(std::string_view text, bool start,
                              bool parseSpecial, Output &output) const {
  std::string plain = replaceAll(text, kGuard, "");
  if (plain.size() == text.size())
    encodeRaw(text, start, parseSpecial, output);
  else if (!plain.empty())
    preTokenize(0, normalizer.run(plain), start, output);
}

/// Encodes a text between added tokens. `start`: it begins the input.
void Tokenizer::encodeRaw(std::string_view text, bool start, bool parseSpecial,
                          Output &output) const {
  std::string normalized = normalizer.run(text);
  for (const AddedTokens::Part &part :
       normalizedAdded.parts(*tables, normalized, parseSpecial)) {
    if (part.id != kEmpty)
      output.ids.push_back(static_cast<int32_t>(part.id));
    else
      preTokenize(0, part.text, start, output);
    start = false;
  }
}

void Tokenizer::encodeWord(std::string_view word, Output &output) const {
  switch (tables->header.model) {
  case ModelKind::BPE:
    return output.merger.encode(word, output.ids);
  case ModelKind::Unigram:
    return output.unigram.encode(word, output.ids);
  case ModelKind::WordPiece:
    return encodeWordPiece(*tables, word, output.ids);
  }
}

/// Runs the pre-tokenizer from `step` on, then the model, on one piece.
void Tokenizer::preTokenize(uint32_t step, std::string_view text, bool start,
                            Output &output) const {
  if (step == tables->preTokenizer.size())
    return encodeWord(text, output);
  Step what = tables->preTokenizer[step];
  std::string_view a = tables->text(what.a);
  switch (what.kind) {
  case StepKind::Replace:
    return preTokenize(step + 1, replaceAll(text, a, tables->text(what.b)),
                       start, output);
  case StepKind::PrependFirst:
  case StepKind::PrependAlways:
    if (text.starts_with(a) || (what.kind == StepKind::PrependFirst && !start))
      return preTokenize(step + 1, text, start, output);
    return preTokenize(step + 1, std::string(a).append(text), start, output);
  default: // Split (readTables)
    break;
  }
  uint32_t pattern = 0;
  for (uint32_t i = 0; i < step; ++i)
    pattern += tables->preTokenizer[i].kind == StepKind::Split;
  auto mode = static_cast<SplitMode>(what.option & ~kSplitInvert);
  for (std::string_view piece :
       split(text, patterns[pattern], mode, what.option & kSplitInvert)) {
    preTokenize(step + 1, piece, start && piece.data() == text.data(), output);
  }
}

std::string_view Tokenizer::piece(int32_t id) const {
  return id >= 0 && id < vocabSize()
             ? tables->bytesOf(static_cast<uint32_t>(id))
             : std::string_view();
}

bool Tokenizer::isControl(int32_t id) const {
  return id >= 0 && id < vocabSize() &&
         tables->pieceKind[static_cast<uint32_t>(id)] == PieceKind::Control;
}

std::vector<int32_t> Tokenizer::eos() const {
  std::vector<int32_t> ids;
  ids.reserve(tables->eos.size());
  for (uint32_t i = 0; i < tables->eos.size(); ++i)
    ids.push_back(static_cast<int32_t>(tables->eos[i]));
  return ids;
}

bool Tokenizer::isEos(int32_t id) const {
  for (uint32_t i = 0; i < tables->eos.size(); ++i)
    if (static_cast<int32_t>(tables->eos[i]) == id)
      return true;
  return false;
}

/// A piece of a text of words, with the space before it, as English has it.
static std::string tidy(std::string text) {
  for (auto [from, to] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {" .", "."},
           {" ?", "?"},
           {" !", "!"},
           {" ,", ","},
           {" ' ", "'"},
           {" n't", "n't"},
           {" 'm", "'m"},
           {" do not", " don't"},
           {" 's", "'s"},
           {" 've", "'ve"},
           {" 're", "'re"}})
    text = replaceAll(text, from, to);
  return text;
}

/// Appends the bytes that `id` stands for in a text, which it may begin.
void Tokenizer::appendBytes(int32_t id, bool first, std::string &out) const {
  std::string_view bytes = piece(id),
                   inside = tables->text(tables->header.continuing);
  if (tables->has(DecodeSpaces))
    out += replaceAll(bytes, kMetaspace,
                      first && tables->has(DecodeFirst) ? "" : " ");
  else if (!tables->has(DecodeWords))
    out += bytes;
  else {
    std::string text;
    if (!first && !inside.empty() && bytes.starts_with(inside))
      text = bytes.substr(inside.size());
    else
      text.append(first ? "" : " ").append(bytes);
    out += tables->has(DecodeTidy) ? tidy(text) : text;
  }
}

std::string Tokenizer::bytes(int32_t id) const {
  std::string out;
  appendBytes(id, /*first=*/false, out);
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids,
                              bool special) const {
  Detokenizer detokenizer(*this, false, special);
  std::string text;
  for (int32_t id : ids)
    text += detokenizer.push(id);
  return text += detokenizer.finish();
}

Detokenizer::Detokenizer(const Tokenizer &tokenizer, bool continues,
                         bool special)
    : tokenizer(tokenizer), special(special),
      strip(tokenizer.tables->has(DecodeStrip) && !continues),
      first(!continues) {}

std::string Detokenizer::push(int32_t id) {
  if (tokenizer.isControl(id) && !special)
    return "";
  tokenizer.appendBytes(id, first, pending);
  first = false;
  return takeWhole(false);
}

std::string Detokenizer::finish() { return takeWhole(true); }

/// Takes all whole characters from `pending`, with U+FFFD for what cannot
/// become one; if `all`, also for what could.
std::string Detokenizer::takeWhole(bool all) {
  std::string out;
  size_t at = 0;
  while (at < pending.size()) {
    std::string_view rest = std::string_view(pending).substr(at);
    Utf8Unit unit = nextUnit(rest);
    if (unit.truncated && !all)
      break;
    out += unit.valid ? rest.substr(0, unit.size) : kReplacement;
    at += unit.size;
  }
  pending.erase(0, at);
  if (strip && !out.empty()) {
    strip = false;
    if (out[0] == ' ')
      out.erase(0, 1);
  }
  return out;
}
