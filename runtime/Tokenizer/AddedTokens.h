//===- AddedTokens.h - Find added tokens in a text --------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_ADDEDTOKENS_H
#define RUNTIME_TOKENIZER_ADDEDTOKENS_H

#include "runtime/Tokenizer/Split.h"
#include "runtime/Tokenizer/Tables.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace mica::tokenizer {

/// Finds the tokens of one sorted list, leftmost first, the longest of those
/// that start at one place.
class AddedTokens {
public:
  /// `tables` outlives this.
  AddedTokens(const Tables &tables, Array<Added> tokens);

  /// A part of a text: an added token, or (`id` kEmpty) what is not one.
  struct Part {
    std::string_view text;
    uint32_t id;
  };

  /// The parts of `text` in order, none empty. Without `parseSpecial` special
  /// tokens are ordinary text; if `guarded`, all right behind a kGuard are.
  std::vector<Part> parts(const Tables &tables, std::string_view text,
                          bool parseSpecial, bool guarded = false) const;

  /// Whether `text`, which is not empty, begins with a special token or one
  /// that `alsoOf` contains and is not white space.
  bool startsControl(const Tables &tables, std::string_view text,
                     std::string_view alsoOf) const;
  /// Whether one stands in it.
  bool hasControl(const Tables &tables, std::string_view text,
                  std::string_view alsoOf) const;

private:
  /// The index of the longest token that `text` starts with, or kEmpty.
  uint32_t longest(const Tables &tables, std::string_view text) const;

  Array<Added> tokens;
  std::array<uint32_t, 257> first; // of the tokens that start with a byte
};

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_ADDEDTOKENS_H
