//===- Nesting.cpp - Modules that are nested without end ------------------===//

#include "lib/Compiler/Nesting.h"
#include "lib/Import/MappedFile.h"

#include <algorithm>

using namespace mica;

static constexpr size_t kMost = 1000;

size_t mica::moduleNesting(std::string_view text) {
  size_t depth = 0, most = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view rest = text.substr(i, 2);
    if (rest == "//") {
      i = std::min(text.find('\n', i), text.size());
    } else if (rest == "->" || rest == ">=" || rest == "<=") {
      ++i;
    } else if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        i += text[i] == '\\';
    } else if (std::string_view("([{<").find(text[i]) != text.npos) {
      most = std::max(most, ++depth);
    } else if (std::string_view(")]}>").find(text[i]) != text.npos && depth) {
      --depth;
    }
  }
  return most;
}

Status mica::checkNesting(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file)
    return {};
  std::string_view text(reinterpret_cast<const char *>(file->bytes().data()),
                        file->bytes().size());
  if (text.starts_with("ML\xefR")) // Bytecode has no brackets.
    return {};
  if (size_t depth = moduleNesting(text); depth > kMost)
    return Error{path + ": brackets nested " + std::to_string(depth) +
                 " deep, expected at most " + std::to_string(kMost)};
  return {};
}
