//===- Split.h - Cut a text at the matches of a pattern ---------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_SPLIT_H
#define RUNTIME_TOKENIZER_SPLIT_H

#include "mica/Status.h"
#include "runtime/Tokenizer/Tables.h"

#include <memory>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace mica::tokenizer {

/// A compiled PCRE2 pattern, with Unicode properties. Immutable, so threads may
/// share one.
class Pattern {
public:
  /// Fails on a pattern that PCRE2 does not accept, naming the place.
  static Expected<Pattern> create(std::string_view text);

  /// A part of a text: a match or what lies between two.
  struct Part {
    size_t begin, end;
    bool match;
  };

  /// All matches in `text` (valid UTF-8) and all gaps, in order, none empty. A
  /// search that exceeds its limit of steps, which grows with the text, ends
  /// the list with one gap; only patterns that backtrack exponentially do.
  std::vector<Part> parts(std::string_view text) const;

private:
  struct Free {
    void operator()(pcre2_real_code_8 *code) const;
  };
  explicit Pattern(pcre2_real_code_8 *code) : code(code) {}

  std::unique_ptr<pcre2_real_code_8, Free> code;
};

/// The pieces of `text` after a split with `mode`, in order, none empty.
std::vector<std::string_view> split(std::string_view text,
                                    const Pattern &pattern, SplitMode mode,
                                    bool invert);

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_SPLIT_H
