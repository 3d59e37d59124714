//===- Normalizer.cpp - One step of a normalizer --------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Tokenizer/Normalizer.h"
#include "runtime/Tokenizer/Unicode.h"

using namespace mica;
using namespace mica::tokenizer;

void tokenizer::normalizeStep(StepKind kind, std::string_view a,
                              std::string_view b, std::string &text) {
  switch (kind) {
  case StepKind::NFC:
    text = normalForm(text, NormalForm::C);
    break;
  case StepKind::NFD:
    text = normalForm(text, NormalForm::D);
    break;
  case StepKind::NFKC:
    text = normalForm(text, NormalForm::KC);
    break;
  case StepKind::NFKD:
    text = normalForm(text, NormalForm::KD);
    break;
  case StepKind::Replace:
    text = replaceAll(text, a, b);
    break;
  case StepKind::Prepend:
    if (!text.empty())
      text.insert(0, a);
    break;
  case StepKind::PrependAlways:
  case StepKind::PrependFirst:
  case StepKind::Split:
    break; // of a pre-tokenizer
  }
}
