//===- Normalizer.cpp - The steps that normalize a text -------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Normalizer.h"
#include "runtime/Tokenizer/Cleaning.h"
#include "runtime/Tokenizer/Unicode.h"

#include <utility>

using namespace mica;
using namespace mica::tokenizer;

Status Normalizer::add(StepKind kind, uint32_t option, std::string_view a,
                       std::string_view b) {
  parts.push_back({kind, option, a, b, patterns.size()});
  if (kind != StepKind::ReplacePattern)
    return {};
  Expected<Pattern> pattern = Pattern::create(a);
  if (!pattern)
    return pattern.takeError();
  patterns.push_back(std::move(*pattern));
  return {};
}

static std::string replaceMatches(std::string_view text, const Pattern &pattern,
                                  std::string_view to) {
  std::string out;
  for (const Pattern::Part &part : pattern.parts(text))
    out += part.match ? to : text.substr(part.begin, part.end - part.begin);
  return out;
}

std::string Normalizer::apply(const Part &part, std::string text) const {
  switch (part.kind) {
  case StepKind::NFC:
    return normalForm(text, NormalForm::C);
  case StepKind::NFD:
    return normalForm(text, NormalForm::D);
  case StepKind::NFKC:
    return normalForm(text, NormalForm::KC);
  case StepKind::NFKD:
    return normalForm(text, NormalForm::KD);
  case StepKind::Replace:
    return replaceAll(text, part.a, part.b);
  case StepKind::Prepend:
    return text.empty() ? text : std::string(part.a).append(text);
  case StepKind::ReplacePattern:
    return replaceMatches(text, patterns[part.pattern], part.b);
  case StepKind::Charsmap:
    return part.option ? charsmap.replaceLongest(text)
                       : charsmap.replaceGraphemes(text);
  case StepKind::CleanText:
    return cleanText(text);
  case StepKind::SpaceChinese:
    return spaceChinese(text);
  case StepKind::StripMarks:
    return stripMarks(text, part.option);
  case StepKind::Lowercase:
    return lowercase(text);
  case StepKind::StripSpace:
    return std::string(stripSpace(text, part.option & 1, part.option & 2));
  case StepKind::PrependAlways:
  case StepKind::PrependFirst:
  case StepKind::Split:
    break; // of a pre-tokenizer
  }
  return text;
}

std::string Normalizer::run(std::string_view text) const {
  std::string result(text);
  for (const Part &part : parts)
    result = apply(part, std::move(result));
  return result;
}
