//===- Split.cpp - Cut a text at the matches of a pattern -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#define PCRE2_CODE_UNIT_WIDTH 8

#include "runtime/Tokenizer/Split.h"
#include "runtime/Tokenizer/Unicode.h"

#include <algorithm>
#include <cstdint>
#include <pcre2.h>
#include <string>

using namespace mica;
using namespace mica::tokenizer;

void Pattern::Free::operator()(pcre2_real_code_8 *code) const {
  pcre2_code_free(code);
}

Expected<Pattern> Pattern::create(std::string_view text) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code *code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error,
                    &offset, nullptr);
  if (!code) {
    PCRE2_UCHAR why[256] = "";
    pcre2_get_error_message(error, why, sizeof(why));
    return Error{"split pattern: at byte " + std::to_string(offset) + " '" +
                 reinterpret_cast<char *>(why) +
                 "' found, expected a regular expression"};
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); // without, it is interpreted
  return Pattern(code);
}

namespace {

/// The scratch memory of a search.
class Search {
public:
  Search(const pcre2_code *code, std::string_view text)
      : code(code), text(text), data(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)) {
    auto limit = std::min<uint64_t>(1'000'000 + 32 * text.size(), UINT32_MAX);
    pcre2_set_match_limit(context, static_cast<uint32_t>(limit));
  }
  ~Search() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  Search(const Search &) = delete;
  Search &operator=(const Search &) = delete;

  /// Finds the first match from `at` on; false if there is none.
  bool next(size_t at, size_t &begin, size_t &end) {
    auto *subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    int rc = pcre2_match(code, subject, text.size(), at, PCRE2_NO_UTF_CHECK,
                         data, context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) // interpreted, it uses the heap
      rc = pcre2_match(code, subject, text.size(), at,
                       PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context);
    if (rc < 0)
      return false;
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(data);
    begin = range[0], end = range[1];
    return begin <= end; // \K in a lookahead can turn them around
  }

private:
  const pcre2_code *code;
  std::string_view text;
  pcre2_match_data *data;
  pcre2_match_context *context;
};

} // namespace

std::vector<Pattern::Part> Pattern::parts(std::string_view text) const {
  std::vector<Part> parts;
  Search search(code.get(), text);
  size_t done = 0, at = 0, begin, end;
  while (at <= text.size() && search.next(at, begin, end)) {
    if (begin < done) // \K or a lookbehind: keep the parts in order
      break;
    if (done < begin)
      parts.push_back({done, begin, false});
    if (begin < end)
      parts.push_back({begin, end, true});
    done = end;
    at = end;
    if (begin == end) // an empty match: go on behind the next character
      at += end < text.size() ? charSize(text[end]) : 1;
  }
  if (done < text.size())
    parts.push_back({done, text.size(), false});
  return parts;
}

std::vector<std::string_view> tokenizer::split(std::string_view text,
                                               const Pattern &pattern,
                                               SplitMode mode, bool invert) {
  std::vector<std::string_view> pieces;
  auto piece = [&](size_t begin, size_t end) {
    if (begin < end)
      pieces.push_back(text.substr(begin, end - begin));
  };
  size_t begin = 0; // of the piece under construction, in the merging modes
  bool wasMatch = false;
  for (const Pattern::Part &part : pattern.parts(text)) {
    bool match = part.match != invert;
    switch (mode) {
    case SplitMode::Removed:
      if (!match)
        piece(part.begin, part.end);
      begin = part.end;
      break;
    case SplitMode::Isolated:
      piece(part.begin, part.end);
      begin = part.end;
      break;
    case SplitMode::MergedWithPrevious: // a piece ends behind each match
      if (wasMatch)
        piece(begin, part.begin), begin = part.begin;
      break;
    case SplitMode::MergedWithNext: // a piece starts at each match
      if (match)
        piece(begin, part.begin), begin = part.begin;
      break;
    case SplitMode::Contiguous:
      if (match != wasMatch)
        piece(begin, part.begin), begin = part.begin;
      break;
    }
    wasMatch = match;
  }
  piece(begin, text.size());
  return pieces;
}
