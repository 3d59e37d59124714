//===- TokenizerPre.cpp - Pre-tokenizers that GGUF names ------------------===//
//
// The names are those of llama.cpp's vocabularies; the patterns are those of
// the tokenizer.json files from which such vocabularies are made.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerPre.h"
#include "lib/Import/TokenizerPattern.h"

#include <algorithm>
#include <iterator>

using namespace mica;

// The parts that many patterns share.
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define WORD R"([^\r\n\p{L}\p{N}]?\p{L}+)"
#define SIGNS R"( ?[^\s\p{L}\p{N}]+[\r\n]*)"
#define SPACES R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define FIRST R"([^\r\n\p{L}\p{N}]?)"
#define PATHS R"( ?[^\s\p{L}\p{N}]+[\r\n/]*)"
#define GPT2                                                                   \
  R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+)"            \
  R"(|\s+(?!\S)|\s+)"
#define GPT4O                                                                  \
  FIRST UPPER "*" LOWER "+" CONTRACTIONS "?|" FIRST UPPER "+" LOWER            \
              "*" CONTRACTIONS R"(?|\p{N}{1,3}|)" PATHS SPACES
#define ASCII_SIGN R"([!-/:-@\[-`{-~][A-Za-z]+)"
#define DEEPSEEK3                                                              \
  ASCII_SIGN                                                                   \
  R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" SPACES

namespace {

using View = std::string_view;

constexpr View kGPT2[] = {GPT2};
constexpr View kLlama3[] = {CONTRACTIONS "|" WORD
                                         R"(|\p{N}{1,3}|)" SIGNS SPACES};
constexpr View kQwen2[] = {CONTRACTIONS "|" WORD R"(|\p{N}|)" SIGNS SPACES};
constexpr View kQwen35[] = {CONTRACTIONS
                            R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
                            R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" SPACES};
constexpr View kTekken[] = {FIRST UPPER "*" LOWER "+|" FIRST UPPER "+" LOWER
                                        R"(*|\p{N}|)" PATHS SPACES};
constexpr View kGPT4O[] = {GPT4O};
constexpr View kDigits[] = {R"(\p{N})", GPT2};
constexpr View kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", GPT2,
                            "[0-9][0-9][0-9]"};
constexpr View kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)", GPT2, R"(\p{N}+)",
                             "[0-9][0-9][0-9]"};
constexpr View kDeepSeekCoder[] = {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                   R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00})"
                                   R"(\x{ac00}-\x{d7ff}]+)",
                                   R"(\p{N})"};
constexpr View kDeepSeek3[] = {
    R"(\p{N}{1,3})", R"([\x{4e00}-\x{9fa5}\x{3040}-\x{30ff}]+)", DEEPSEEK3};
constexpr View kBailing[] = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr View kSeedCoder[] = {
    CONTRACTIONS "|" WORD R"(|\p{N}| ?[^\s\p{L}\p{N}\r\n]+)" SPACES};

constexpr PreTokenizer kPreTokenizers[] = {
    {kDefault, "default "},
    {kGPT2, "gpt-2 phi-2 olmo jais mpt trillion granite-docling exaone4 "
            "jina-es jina-de gigachat a.x-4.0 mellum modern-bert "},
    {kLlama3,
     "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 "
     "lfm2 ",
     true, true},
    {kLlama3, "dbrx smaug-bpe glm4 chatglm-bpe "},
    {kQwen2, "qwen2 deepseek-r1-qwen megrez stablelm2 hunyuan grok-2 kormo "
             "solar-open "},
    {kQwen35, "qwen35 "},
    {kTekken, "tekken ", true, true},
    {kGPT4O, "gpt-4o llama4 kanana2 minimax-m2 "},
    {kDigits, "starcoder refact command-r smollm codeshell exaone minerva-7b "},
    {kFalcon, "falcon "},
    {kDeepSeekCoder, "deepseek-coder "},
    {kDeepSeek3, "deepseek-v3 hunyuan-dense "},
    {kBailing, "bailingmoe bailingmoe2 llada-moe "},
    {kSeedCoder, "seed-coder "},
};

/// Calls `visit` with each name of `names`, until it returns true.
template <class Visitor> bool anyName(View names, Visitor visit) {
  for (size_t end; !names.empty(); names.remove_prefix(end + 1))
    if (end = names.find(' '); visit(names.substr(0, end)))
      return true;
  return false;
}

} // namespace

const PreTokenizer *mica::findPreTokenizer(std::string_view name) {
  if (name.empty())
    name = "default";
  const PreTokenizer *row = std::find_if(
      std::begin(kPreTokenizers), std::end(kPreTokenizers),
      [&](const PreTokenizer &row) {
        return anyName(row.names, [&](View other) { return other == name; });
      });
  return row == std::end(kPreTokenizers) ? nullptr : row;
}

std::string mica::preTokenizerNames() {
  std::string all;
  for (const PreTokenizer &row : kPreTokenizers)
    anyName(row.names, [&](View name) {
      all.append(all.empty() ? "" : ", ").append(name);
      return false;
    });
  return all;
}
