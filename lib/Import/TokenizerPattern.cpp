//===- TokenizerPattern.cpp - Split patterns of tokenizers ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/TokenizerPattern.h"

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <span>

using namespace mica;

const std::string_view mica::kGPT2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+)"
    R"(|\s+(?!\S)|\s+)";

const std::string_view mica::kPunctuationPattern =
    R"((?![)"
    R"(\x{61d}\x{9fd}\x{a76}\x{c77}\x{c84}\x{1b7d}-\x{1b7e})"
    R"(\x{2e43}-\x{2e4f}\x{2e52}-\x{2e5d}\x{10ead}\x{10f55}-\x{10f59})"
    R"(\x{10f86}-\x{10f89}\x{1144b}-\x{1144f}\x{1145a}-\x{1145b}\x{1145d})"
    R"(\x{11660}-\x{1166c}\x{116b9}\x{1183b}\x{11944}-\x{11946}\x{119e2})"
    R"(\x{11a3f}-\x{11a46}\x{11a9a}-\x{11a9c}\x{11a9e}-\x{11aa2})"
    R"(\x{11c41}-\x{11c45}\x{11c70}-\x{11c71}\x{11ef7}-\x{11ef8}\x{11fff})"
    R"(\x{12ff1}-\x{12ff2}\x{16e97}-\x{16e9a}\x{16fe2}\x{1e95e}-\x{1e95f})"
    R"(])[\p{P}!-/:-@\[-`{-~\x{166d}\x{111c9}])";

namespace {

struct CodeRange {
  uint32_t first, last;
};

// The characters of these categories in Unicode 16 that Unicode 14 lacks.
constexpr CodeRange kNewLu[] = {{0x1c89, 0x1c89},
                                {0xa7cb, 0xa7cc},
                                {0xa7da, 0xa7da},
                                {0xa7dc, 0xa7dc},
                                {0x10d50, 0x10d65}};
constexpr CodeRange kNewLl[] = {{0x1c8a, 0x1c8a},
                                {0xa7cd, 0xa7cd},
                                {0xa7db, 0xa7db},
                                {0x10d70, 0x10d85},
                                {0x1df25, 0x1df2a}};
constexpr CodeRange kNewLm[] = {{0x10d4e, 0x10d4e}, {0x10d6f, 0x10d6f},
                                {0x16d40, 0x16d42}, {0x16d6b, 0x16d6c},
                                {0x1e030, 0x1e06d}, {0x1e4eb, 0x1e4eb}};
constexpr CodeRange kNewLo[] = {
    {0x105c0, 0x105f3}, {0x10d4a, 0x10d4d}, {0x10d4f, 0x10d4f},
    {0x10ec2, 0x10ec4}, {0x1123f, 0x11240}, {0x11380, 0x11389},
    {0x1138b, 0x1138b}, {0x1138e, 0x1138e}, {0x11390, 0x113b5},
    {0x113b7, 0x113b7}, {0x113d1, 0x113d1}, {0x113d3, 0x113d3},
    {0x11bc0, 0x11be0}, {0x11f02, 0x11f02}, {0x11f04, 0x11f10},
    {0x11f12, 0x11f33}, {0x1342f, 0x1342f}, {0x13441, 0x13446},
    {0x13460, 0x143fa}, {0x16100, 0x1611d}, {0x16d43, 0x16d6a},
    {0x18cff, 0x18cff}, {0x1b132, 0x1b132}, {0x1b155, 0x1b155},
    {0x1e4d0, 0x1e4ea}, {0x1e5d0, 0x1e5ed}, {0x1e5f0, 0x1e5f0},
    {0x2b739, 0x2b739}, {0x2ebf0, 0x2ee5d}, {0x31350, 0x323af}};
constexpr CodeRange kNewM[] = {
    {0x897, 0x897},     {0xcf3, 0xcf3},     {0xece, 0xece},
    {0x10d69, 0x10d6d}, {0x10efc, 0x10eff}, {0x11241, 0x11241},
    {0x113b8, 0x113c0}, {0x113c2, 0x113c2}, {0x113c5, 0x113c5},
    {0x113c7, 0x113ca}, {0x113cc, 0x113d0}, {0x113d2, 0x113d2},
    {0x113e1, 0x113e2}, {0x11f00, 0x11f01}, {0x11f03, 0x11f03},
    {0x11f34, 0x11f3a}, {0x11f3e, 0x11f42}, {0x11f5a, 0x11f5a},
    {0x13440, 0x13440}, {0x13447, 0x13455}, {0x1611e, 0x1612f},
    {0x1e08f, 0x1e08f}, {0x1e4ec, 0x1e4ef}, {0x1e5ee, 0x1e5ef}};
constexpr CodeRange kNewN[] = {{0x10d40, 0x10d49}, {0x116d0, 0x116e3},
                               {0x11bf0, 0x11bf9}, {0x11f50, 0x11f59},
                               {0x16130, 0x16139}, {0x16d70, 0x16d79},
                               {0x1ccf0, 0x1ccf9}, {0x1d2c0, 0x1d2d3},
                               {0x1e4f0, 0x1e4f9}, {0x1e5f1, 0x1e5fa}};
constexpr CodeRange kNewP[] = {{0x1b4e, 0x1b4f},   {0x1b7f, 0x1b7f},
                               {0x10d6e, 0x10d6e}, {0x113d4, 0x113d5},
                               {0x113d7, 0x113d8}, {0x11b00, 0x11b09},
                               {0x11be1, 0x11be1}, {0x11f43, 0x11f4f},
                               {0x16d6d, 0x16d6f}, {0x1e5ff, 0x1e5ff}};
constexpr CodeRange kNewS[] = {
    {0x2427, 0x2429},   {0x2ffc, 0x2fff},   {0x31e4, 0x31e5},
    {0x31ef, 0x31ef},   {0x10d8e, 0x10d8f}, {0x1cc00, 0x1ccef},
    {0x1cd00, 0x1ceb3}, {0x1f6dc, 0x1f6dc}, {0x1f774, 0x1f776},
    {0x1f77b, 0x1f77f}, {0x1f7d9, 0x1f7d9}, {0x1f8b2, 0x1f8bb},
    {0x1f8c0, 0x1f8c1}, {0x1fa75, 0x1fa77}, {0x1fa87, 0x1fa89},
    {0x1fa8f, 0x1fa8f}, {0x1faad, 0x1faaf}, {0x1fabb, 0x1fabf},
    {0x1fac6, 0x1fac6}, {0x1face, 0x1facf}, {0x1fada, 0x1fadc},
    {0x1fadf, 0x1fadf}, {0x1fae8, 0x1fae9}, {0x1faf7, 0x1faf8},
    {0x1fbcb, 0x1fbef}};

struct Category {
  std::string_view name; ///< of the general category; `L` is all that start so
  std::span<const CodeRange> added;
};
constexpr Category kCategories[] = {
    {"Lu", kNewLu}, {"Ll", kNewLl}, {"Lm", kNewLm}, {"Lo", kNewLo},
    {"M", kNewM},   {"N", kNewN},   {"P", kNewP},   {"S", kNewS},
};

/// What goes between the brackets of a class for `\p{name}`.
std::string classItems(std::string_view name) {
  std::string items = "\\p{" + std::string(name) + "}";
  for (const Category &category : kCategories) {
    if (category.name != name && !(name == "L" && category.name[0] == 'L'))
      continue;
    for (CodeRange range : category.added) {
      char item[32];
      std::snprintf(item, sizeof(item), "\\x{%x}-\\x{%x}", range.first,
                    range.last);
      items += item;
    }
  }
  return items;
}

/// Rewrites one pattern from left to right.
class Translator {
public:
  explicit Translator(std::string_view in) : in(in) {}

  Expected<std::string> run() {
    while (at < in.size()) {
      char c = in[at];
      if (c == '\\' && at + 1 < in.size()) {
        escape();
        continue;
      }
      if (c == '[' && inClass && in.substr(at, 2) != "[:")
        return Error{"split pattern: a class in a class at byte " +
                     std::to_string(at) + " found, expected a plain class"};
      if (inClass && in.substr(at, 2) == "&&")
        return Error{"split pattern: '&&' at byte " + std::to_string(at) +
                     " found, expected a plain class"};
      literal(c);
    }
    return std::move(out);
  }

private:
  void escape();
  void literal(char c);
  std::string_view property() const;

  /// Appends a class of `items`, or their complement.
  void appendClass(const std::string &items, bool negated) {
    if (inClass)
      out += items;
    else
      out += (negated ? "[^" : "[") + items + "]";
  }

  std::string_view in;
  size_t at = 0;
  std::string out;
  bool inClass = false;
};

} // namespace

/// The name in `\p{name}` at `at`; empty if something else is there.
std::string_view Translator::property() const {
  size_t end = in.find('}', at);
  if (in.substr(at + 2, 1) != "{" || end == std::string_view::npos)
    return "";
  return in.substr(at + 3, end - at - 3);
}

void Translator::escape() {
  char c = in[at + 1];
  std::string_view name = c == 'p' || c == 'P' ? property() : "";
  bool negated = c == 'P' || c == 'W';
  if (!name.empty() && name[0] == '^') {
    negated = !negated;
    name.remove_prefix(1);
  }
  if (c == 's' || c == 'S') {
    out += c == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
    at += 2;
  } else if (c == 'w' || (c == 'W' && !inClass)) {
    appendClass(classItems("L") + classItems("M") + classItems("N") + "\\p{Pc}",
                negated);
    at += 2;
  } else if (!name.empty() && !(negated && inClass)) {
    appendClass(classItems(name), negated);
    at = in.find('}', at) + 1;
  } else {
    out += in.substr(at, 2);
    at += 2;
  }
}

/// Copies one character, keeping track of where a class starts and ends.
void Translator::literal(char c) {
  if (inClass && in.substr(at, 2) == "[:") { // [:alpha:]
    size_t end = in.find(":]", at);
    size_t size = end == std::string_view::npos ? 2 : end + 2 - at;
    out += in.substr(at, size);
    at += size;
    return;
  }
  out += c;
  ++at;
  if (!inClass && c == '[') {
    inClass = true;
    for (char start : {'^', ']'}) // `[]...]` and `[^]...]` start with a `]`
      if (at < in.size() && in[at] == start)
        out += in[at++];
  } else if (inClass && c == ']') {
    inClass = false;
  }
}

Expected<std::string> mica::translatePattern(std::string_view pattern) {
  return Translator(pattern).run();
}

std::string mica::literalPattern(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    if (std::ispunct(static_cast<unsigned char>(c)))
      pattern += '\\';
    pattern += c;
  }
  return pattern;
}
