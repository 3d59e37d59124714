//===- Tokenizer.h - Text to ids and back -----------------------*- C++ -*-===//
//
// Byte-level BPE, SentencePiece's BPE and unigram models, and WordPiece, with
// the ids that the `tokenizers` library gives.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_TOKENIZER_H
#define RUNTIME_TOKENIZER_TOKENIZER_H

#include "mica/Status.h"
#include "runtime/Tokenizer/AddedTokens.h"
#include "runtime/Tokenizer/Merger.h"
#include "runtime/Tokenizer/Normalizer.h"
#include "runtime/Tokenizer/Split.h"
#include "runtime/Tokenizer/Tables.h"
#include "runtime/Tokenizer/Unigram.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

struct EncodeOptions {
  bool addSpecial = true;   // the ids that the model wants around a text
  bool parseSpecial = true; // "<bos>" in the text is the token, not 5 letters
  bool guarded = false;     // but not behind a guard (`Tokenizer::guard`)
};

/// A tokenizer over mapped tables. Immutable, so threads may share one.
class Tokenizer {
public:
  /// Checks `blob`, which outlives the result. Copies none of its tables.
  static Expected<Tokenizer> create(std::span<const std::byte> blob);

  /// The ids of `text`. Bytes that are not UTF-8 count as U+FFFD, one for each
  /// maximal part, as Python's `bytes.decode(errors='replace')` has it.
  std::vector<int32_t> encode(std::string_view text,
                              EncodeOptions options = {}) const;

  /// `text` to be put into another one, so that `encode` with `guarded` sees no
  /// special token in it and no added one that `alsoOf` contains: kGuard stands
  /// before each. What had kGuard in it has U+FFFD there.
  std::string guard(std::string_view text, std::string_view alsoOf = {}) const;

  /// The whole text of `ids`, special tokens left out unless `special`.
  std::string decode(std::span<const int32_t> ids, bool special = false) const;

  /// The bytes of one id as the vocabulary has them (U+2581 for a space in a
  /// SentencePiece model); empty for an id that has none.
  std::string_view piece(int32_t id) const;

  /// The bytes that one id stands for in a text, a control token's too.
  std::string bytes(int32_t id) const;

  /// Whether an id is a control token such as `<bos>`.
  bool isControl(int32_t id) const;

  /// The number of ids. A model's output may be wider (padding).
  int32_t vocabSize() const {
    return static_cast<int32_t>(tables->header.vocab);
  }

  /// The id at the start of a text, or -1.
  int32_t bos() const { return static_cast<int32_t>(tables->header.bos); }

  /// The ids that end a generation.
  std::vector<int32_t> eos() const;
  bool isEos(int32_t id) const;

private:
  friend class Detokenizer;
  struct Output;

  explicit Tokenizer(std::unique_ptr<const tokenizer::Tables> checked);

  void encodeGuarded(std::string_view text, bool start, bool parseSpecial,
                     Output &output) const;
  void encodeRaw(std::string_view text, bool start, bool parseSpecial,
                 Output &output) const;
  void preTokenize(uint32_t step, std::string_view text, bool start,
                   Output &output) const;
  Status addSteps();
  void encodeWord(std::string_view word, Output &output) const;
  void appendBytes(int32_t id, bool first, std::string &out) const;

  std::unique_ptr<const tokenizer::Tables> tables;
  tokenizer::AddedTokens rawAdded, normalizedAdded;
  tokenizer::Prefixes prefixes;
  tokenizer::Normalizer normalizer;
  std::vector<tokenizer::Pattern> patterns; // of pre-tokenizer steps, in order
};

/// Turns ids into text while they are generated: what it returns is always
/// whole characters, and all of it together is the text of all ids.
class Detokenizer {
public:
  /// `tokenizer` outlives this. With `continues` the ids go on behind a prompt,
  /// so a leading space stays even where the model would drop it.
  explicit Detokenizer(const Tokenizer &tokenizer, bool continues = false,
                       bool special = false);

  /// The text that `id` completes; control tokens have none unless `special`.
  std::string push(int32_t id);

  /// The rest: U+FFFD if a character stays incomplete, else nothing.
  std::string finish();

private:
  std::string takeWhole(bool all);

  const Tokenizer &tokenizer;
  std::string pending; // bytes of an incomplete character
  bool special, strip;
  bool first; // the next piece begins the text
};

} // namespace mica

#endif // RUNTIME_TOKENIZER_TOKENIZER_H
