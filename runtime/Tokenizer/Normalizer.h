//===- Normalizer.h - The steps that normalize a text -----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TOKENIZER_NORMALIZER_H
#define RUNTIME_TOKENIZER_NORMALIZER_H

#include "runtime/Tokenizer/Charsmap.h"
#include "runtime/Tokenizer/Split.h"
#include "runtime/Tokenizer/Tables.h"

#include <string>
#include <string_view>
#include <vector>

namespace mica::tokenizer {

/// The steps of `Header::normalizer`. Immutable, so threads may share one.
class Normalizer {
public:
  Normalizer() = default;
  explicit Normalizer(Charsmap charsmap) : charsmap(charsmap) {}

  /// Adds a step, whose texts outlive this. Fails on a pattern that PCRE2 does
  /// not accept.
  Status add(StepKind kind, uint32_t option, std::string_view a,
             std::string_view b);

  /// Applies all steps to valid UTF-8.
  std::string run(std::string_view text) const;

private:
  struct Part {
    StepKind kind;
    uint32_t option;
    std::string_view a, b;
    size_t pattern; // of ReplacePattern
  };
  std::string apply(const Part &part, std::string text) const;

  Charsmap charsmap;
  std::vector<Part> parts;
  std::vector<Pattern> patterns;
};

} // namespace mica::tokenizer

#endif // RUNTIME_TOKENIZER_NORMALIZER_H
